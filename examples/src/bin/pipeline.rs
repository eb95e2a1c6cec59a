// SPDX-License-Identifier: BSD-3-Clause
//! A pipeline: one coroutine feeds several, and these feed one.
//!
//! The channel between the stages is bounded, so a stage that is ahead waits for the others. Fan-out is several
//! receivers of one channel, fan-in several senders into one; each end of a channel that goes ends the stage behind it.
//! All borrow the text from the caller's frame.

use std::error::Error;

use kcoro_posix::Posix;
use kcoro_posix::channel::bounded;
use kcoro_posix::sched::{Runtime, SpawnError};
use kcoro_posix::scope::{scope, try_scope};

const COUNTERS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let lines: Vec<String> = (0..30).map(|n| ["word"; 5][..n % 5 + 1].join(" ")).collect();
    let runtime = Runtime::builder(Posix::new()).build()?;

    let words = runtime.run(|| count_words(&lines))?.map_err(|error| error.to_string())?;
    println!("{COUNTERS} coroutines counted {words} words in {} lines", lines.len());

    let found = runtime.run(|| first_line_with(5, &lines))??;
    println!("the first line with 5 words: {}", found.ok_or("there is none")?);
    Ok(())
}

fn count_words(lines: &[String]) -> Result<usize, impl Error> {
    try_scope(|s| {
        s.name("pipeline");
        let source = s.produce(4, |tx| lines.iter().try_for_each(|line| tx.send(line)).map_err(|_| NotWanted))?;
        let (tx, counts) = bounded(4);
        for _ in 0..COUNTERS {
            let (source, tx) = (source.clone(), tx.clone());
            let count = move || source.iter().map(|line| line.split(' ').count()).try_for_each(|n| tx.send(n));
            s.spawn(move || count().map_err(|_| NotWanted))?;
        }
        // Else the sum below would wait for what this sender may still send.
        drop(tx);
        Ok(counts.iter().sum())
    })
}

/// Takes no more lines than it needs: the source ends when its receiver goes.
fn first_line_with(words: usize, lines: &[String]) -> Result<Option<usize>, SpawnError> {
    scope(|s| {
        let source = s.produce(1, |tx| _ = lines.iter().zip(1..).try_for_each(|numbered| tx.send(numbered)))?;
        Ok(source.iter().find(|(line, _)| line.split(' ').count() == words).map(|(_, number)| number))
    })
}

/// What can go wrong in a stage: nobody takes what it sends, or it cannot be spawned.
#[derive(Debug)]
struct NotWanted;

impl std::fmt::Display for NotWanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a stage of the pipeline ended early")
    }
}

impl Error for NotWanted {}

impl From<SpawnError> for NotWanted {
    fn from(_: SpawnError) -> Self {
        Self
    }
}
