// SPDX-License-Identifier: BSD-3-Clause
//! `wordfreq`: counts the words in every file under a directory, one coroutine for each file.
//!
//! | module | what it does |
//! |---|---|
//! | [`options`] | the command line |
//! | [`tree`] | which files there are, and opening one |
//! | [`chunks`] | cuts a file into pieces that end between words |
//! | [`counts`] | counts words |
//! | [`pipeline`] | the coroutines and the channels between them; knows no platform |
//! | [`summary`] | what happens on the way, and what it comes to |
//! | [`interrupt`] | turns Ctrl-C into the end of the pipeline |
//! | [`report`] | what is printed |
//!
//! This file picks the platform; everything else would run on any.

mod chunks;
mod counts;
mod interrupt;
mod options;
mod pipeline;
mod report;
mod summary;
mod tree;

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use kcoro_posix::Posix;
use kcoro_posix::sched::BuildError;

use crate::options::{Format, Options};
use crate::pipeline::Pipeline;
use crate::report::{Run, write_json, write_text};
use crate::summary::Ending;

/// The usual code of a program that ended on SIGINT.
const INTERRUPTED: u8 = 130;
const WRONG_ARGUMENTS: u8 = 2;
const FAILED: u8 = 1;

fn main() -> ExitCode {
    match count_words(&Options::parse()) {
        Ok(Ending::Complete) => ExitCode::SUCCESS,
        Ok(Ending::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.exit_code)
        }
    }
}

struct Failure {
    exit_code: u8,
    message: String,
}

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit_code: FAILED, message: error.to_string() }
    }
}

fn count_words(options: &Options) -> Result<Ending, Failure> {
    let runtime = pipeline::runtime(Posix::new(), options.workers()).map_err(|error| match error {
        BuildError::TooManyWorkers { .. } => Failure { exit_code: WRONG_ARGUMENTS, message: error.to_string() },
        other => other.into(),
    })?;
    let tree = options.tree();
    let bar = report::progress_bar();
    let pipeline = Pipeline::new(runtime.workers());
    let _watch = interrupt::stop_on_ctrl_c(pipeline.stopper())?;

    let start = Instant::now();
    let summary = pipeline.run(&runtime, &tree, &bar)?;
    let run = Run { elapsed: start.elapsed(), workers: runtime.workers(), stats: runtime.stats(), summary };

    bar.finish_and_clear();
    if run.summary.ending == Ending::Interrupted {
        eprintln!("interrupted: these are the counts so far");
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match options.format() {
        Format::Text => write_text(&mut out, &run, options.top),
        Format::Json => write_json(&mut out, &run, options.top),
    };
    match written.and_then(|()| out.flush()) {
        // Whoever reads has seen enough, as in `wordfreq | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    Ok(run.summary.ending)
}
