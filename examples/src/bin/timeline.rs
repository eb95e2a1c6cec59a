// SPDX-License-Identifier: BSD-3-Clause
//! Writes a timeline of a small pipeline: open it at ui.perfetto.dev or chrome://tracing.
//!
//! The argument is where to write it, `timeline.json` by default. Needs the feature `trace`.

use std::error::Error;
use std::path::PathBuf;

use kcoro_posix::Posix;
use kcoro_posix::channel::bounded;
use kcoro_posix::sched::{Builder, Runtime};
use kcoro_posix::trace::Timeline;

const WORKERS: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(|| "timeline.json".into(), PathBuf::from);
    let timeline = Timeline::new(WORKERS);
    let runtime = Runtime::builder(Posix::new()).workers(WORKERS).trace(timeline.subscriber()).build()?;
    let sum = runtime.run(pipeline)?;
    // What is written is whole when nothing runs any more.
    drop(runtime);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    timeline.write_to(&path)?;
    println!("the sum of 1000 cubes is {sum}");
    println!("wrote {}; {} events were dropped", path.display(), timeline.dropped());
    Ok(())
}

/// A source, two stages that work side by side, and a sink.
fn pipeline() -> u64 {
    let (numbers_tx, numbers_rx) = bounded(16);
    let (cubes_tx, cubes_rx) = bounded(16);
    let source = move || (1..=1000u64).for_each(|n| numbers_tx.send(n).expect("the stages receive"));
    Builder::new().name("source").spawn(source).expect("a coroutine").detach();
    for worker in 0..WORKERS {
        let (numbers_rx, cubes_tx) = (numbers_rx.clone(), cubes_tx.clone());
        let stage = move || numbers_rx.iter().for_each(|n| cubes_tx.send(n * n * n).expect("the sink receives"));
        Builder::new().name("cube").worker(worker).spawn(stage).expect("a coroutine").detach();
    }
    drop(cubes_tx);
    cubes_rx.iter().sum()
}
