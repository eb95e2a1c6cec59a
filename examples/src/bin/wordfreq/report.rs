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
    pub elapsed: Duration,
    pub workers: usize,
    pub stats: Stats,
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
    let Run { summary, elapsed, workers, stats } = run;
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
    let per_second = summary.bytes as f64 / elapsed.as_secs_f64();
    writeln!(
        out,
        "{} bytes in {elapsed:.3?}: {} per second",
        HumanCount(summary.bytes),
        BinaryBytes(per_second as u64)
    )?;
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
    let object = json!({
        "files": summary.files,
        "unreadable": summary.unreadable,
        "words": summary.counts.words(),
        "distinct": summary.counts.distinct(),
        "top": summary.counts.top(top),
    });
    writeln!(out, "{object}")
}
