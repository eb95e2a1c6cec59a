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
//! This file picks the platform, threads or the simulator; everything else would run on any.

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
use indicatif::ProgressBar;
use kcoro_posix::Posix;
use kcoro_posix::platform::Platform;
use kcoro_posix::sched::{BuildError, Runtime};
use kcoro_sim::{FailureKind, Outcome, Real, Sim};

use crate::options::{Format, Options};
use crate::pipeline::Pipeline;
use crate::report::{Run, Took, write_json, write_text};
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
    let run = match options.sim {
        None => count_on_threads(options)?,
        Some(seed) => count_simulated(options, seed)?,
    };
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

fn count_on_threads(options: &Options) -> Result<Run, Failure> {
    let platform = Posix::new();
    let limit = pipeline::limit(options.workers().unwrap_or(platform.parallelism().get()));
    let builder = Runtime::builder(platform).name("wordfreq").limit(limit);
    let builder = match options.workers() {
        Some(workers) => builder.workers(workers),
        None => builder,
    };
    let runtime = builder.build().map_err(not_built)?;
    let workers = runtime.workers();
    let tree = options.tree();
    let bar = report::progress_bar();
    let pipeline = Pipeline::new(workers);
    let _watch = interrupt::stop_on_ctrl_c(pipeline.stopper())?;

    let start = Instant::now();
    let summary = runtime.run(|| pipeline.run(&tree, &bar))??;
    let took = Took::Real { elapsed: start.elapsed(), stats: runtime.stats() };
    bar.finish_and_clear();
    Ok(Run { summary, workers, took })
}

/// The same pipeline where a seed decides the schedule. There is no bar: it looks at the real clock.
fn count_simulated(options: &Options, seed: u64) -> Result<Run, Failure> {
    const WORKERS: usize = 2;
    let workers = options.workers().unwrap_or(WORKERS);
    let (tree, pipeline) = (options.tree(), Pipeline::new(workers));
    // However many files there are, it is no livelock. They are the input, and nobody reads what the hidden bar measures.
    let sim = Sim::new().workers(workers).limit(pipeline::limit(workers)).step_limit(u64::MAX);
    let sim = sim.allow_real(Real::File).allow_real(Real::Clock);
    let outcome = sim.run(seed, move || pipeline.run(&tree, &ProgressBar::hidden()));
    let Outcome { value, trace_hash, steps, virtual_time, .. } = outcome.map_err(|failure| match failure.kind {
        FailureKind::Build(why) => not_built(why),
        _ => failure.into(),
    })?;
    Ok(Run { summary: value?, workers, took: Took::Simulated { seed, trace_hash, steps, virtual_time } })
}

fn not_built(why: BuildError) -> Failure {
    match why {
        BuildError::TooManyWorkers { .. } => Failure { exit_code: WRONG_ARGUMENTS, message: why.to_string() },
        other => other.into(),
    }
}
