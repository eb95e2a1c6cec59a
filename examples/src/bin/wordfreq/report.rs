// SPDX-License-Identifier: BSD-3-Clause
//! What is printed.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount, ProgressBar, ProgressStyle};
use kcoro_posix::sched::Stats;
use serde_json::json;

use crate::summary::Summary;

/// A finished count, and what it took.
pub struct Run {
    pub summary: Summary,
    pub workers: usize,
    pub took: Took,
}

/// What a count took.
pub enum Took {
    /// On threads.
    Real { elapsed: Duration, stats: Stats },
    /// In the simulator: these are the same each time.
    Simulated { seed: u64, trace_hash: u64, steps: u64, virtual_time: Duration },
}

/// A bar on stderr; a hidden one unless both outputs are a terminal, where nobody else writes over it.
pub fn progress_bar() -> ProgressBar {
    if !(io::stdout().is_terminal() && io::stderr().is_terminal()) {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:40} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {msg}");
    ProgressBar::new(0).with_style(style.expect("a valid template"))
}

/// The top words with their counts, then the totals.
pub fn write_text(out: &mut impl Write, run: &Run, top: usize) -> io::Result<()> {
    let Run { summary, workers, took } = run;
    let words = summary.counts.top(top);
    let width = words.first().map_or(0, |&(_, count)| HumanCount(count).to_string().len());
    for (word, count) in words {
        writeln!(out, "{:>width$}  {word}", HumanCount(count).to_string())?;
    }
    writeln!(
        out,
        "{} words, {} distinct, in {} files; {} unreadable",
        HumanCount(summary.counts.words()),
        HumanCount(summary.counts.distinct() as u64),
        HumanCount(summary.files),
        HumanCount(summary.unreadable),
    )?;
    match took {
        Took::Real { elapsed, stats } => write_real(out, summary.bytes, *elapsed, *workers, stats),
        Took::Simulated { seed, trace_hash, steps, virtual_time } => {
            writeln!(out, "{} bytes in {virtual_time:?} of virtual time", HumanCount(summary.bytes))?;
            let steps = HumanCount(*steps);
            writeln!(out, "seed {seed} on {workers} simulated workers: {steps} steps, trace hash {trace_hash:#018x}")
        }
    }
}

fn write_real(out: &mut impl Write, bytes: u64, elapsed: Duration, workers: usize, stats: &Stats) -> io::Result<()> {
    let per_second = BinaryBytes((bytes as f64 / elapsed.as_secs_f64()) as u64);
    writeln!(out, "{} bytes in {elapsed:.3?}: {per_second} per second", HumanCount(bytes))?;
    writeln!(
        out,
        "{} coroutines on {workers} workers: {} switches, {} steals, {} parks",
        HumanCount(stats.spawned),
        HumanCount(stats.switches),
        HumanCount(stats.steals),
        HumanCount(stats.parks),
    )
}

/// One JSON object on a line.
pub fn write_json(out: &mut impl Write, run: &Run, top: usize) -> io::Result<()> {
    let summary = &run.summary;
    let mut object = json!({
        "files": summary.files,
        "unreadable": summary.unreadable,
        "words": summary.counts.words(),
        "distinct": summary.counts.distinct(),
        "top": summary.counts.top(top),
    });
    if let Took::Simulated { seed, trace_hash, steps, virtual_time } = run.took {
        let virtual_ns = u64::try_from(virtual_time.as_nanos()).unwrap_or(u64::MAX);
        object["sim"] = json!({"seed": seed, "trace_hash": trace_hash, "steps": steps, "virtual_ns": virtual_ns});
    }
    writeln!(out, "{object}")
}
