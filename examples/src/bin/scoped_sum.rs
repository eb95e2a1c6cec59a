// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines that borrow from the frame that waits for them, and what happens when one of them fails.
//!
//! `scope` returns only when all of its coroutines have ended, so they may use the caller's data without an `Arc` and
//! without a copy. `try_scope` does the same for coroutines that can fail: the first failure cancels the others.

use std::error::Error;
use std::num::ParseIntError;

use kcoro_posix::Posix;
use kcoro_posix::sched::Runtime;
use kcoro_posix::scope::{scope, try_scope};

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder(Posix::new()).build()?;

    let numbers: Vec<u64> = (1..=1_000_000).collect();
    let sum = runtime.run(|| sum_in_parts(&numbers, 4).map_err(|error| error.to_string()))??;
    println!("the sum of {} borrowed numbers is {sum}", numbers.len());

    for texts in [["1", "22", "333"], ["1", "two", "333"]] {
        println!("the sum of {texts:?}: {:?}", runtime.run(|| parse_all(&texts))?);
    }
    Ok(())
}

fn sum_in_parts(numbers: &[u64], parts: usize) -> Result<u64, Box<dyn Error>> {
    scope(|s| {
        let parts = numbers.chunks(numbers.len().div_ceil(parts));
        // Collected, so that all are spawned before the first is waited for.
        let sums: Vec<_> = parts.map(|part| s.spawn(|| part.iter().sum::<u64>())).collect();
        sums.into_iter().map(|sum| Ok(sum?.join()?)).sum()
    })
}

fn parse_all(texts: &[&str]) -> Result<u64, String> {
    let parsed = try_scope(|s| {
        let parsing: Vec<_> = texts.iter().map(|text| s.spawn(|| text.parse::<u64>())).collect();
        // A coroutine that failed has no number; the scope's error says why.
        let numbers = parsing.into_iter().filter_map(|one| one.ok()?.join().ok()?.ok());
        Ok::<u64, ParseIntError>(numbers.sum())
    });
    parsed.map_err(|error| error.to_string())
}
