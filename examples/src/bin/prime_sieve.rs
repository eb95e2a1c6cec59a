// SPDX-License-Identifier: BSD-3-Clause
//! Primes, one coroutine for each: every prime found puts a filter of its own behind the others.
//!
//! `produce` spawns a coroutine that feeds a channel. Each filter receives from the one before it and passes on what its
//! prime does not divide. When the last receiver goes, its filter's send fails, the filter ends and lets its own receiver
//! go, and so on to the source, which would count for ever.

use std::error::Error;

use kcoro_posix::Posix;
use kcoro_posix::channel::Receiver;
use kcoro_posix::sched::{Runtime, SpawnError};
use kcoro_posix::scope::{Scope, scope};

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder(Posix::new()).build()?;
    let primes = runtime.run(|| primes(20))??;
    println!("{}", primes.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));
    Ok(())
}

fn primes(count: usize) -> Result<Vec<u64>, SpawnError> {
    scope(|s| {
        let mut candidates = s.produce(1, |tx| while_wanted(2.., |n| tx.send(n).is_ok()))?;
        let mut primes = Vec::new();
        while let Ok(prime) = candidates.recv() {
            primes.push(prime);
            if primes.len() == count {
                break;
            }
            candidates = without_multiples_of(prime, candidates, s)?;
        }
        Ok(primes)
    })
}

fn without_multiples_of<'scope>(
    prime: u64,
    numbers: Receiver<u64>,
    s: &'scope Scope<'scope, '_>,
) -> Result<Receiver<u64>, SpawnError> {
    s.produce(1, move |tx| while_wanted(numbers.iter().filter(|n| n % prime != 0), |n| tx.send(n).is_ok()))
}

/// Passes `numbers` on until nobody wants them any more.
fn while_wanted(numbers: impl IntoIterator<Item = u64>, pass_on: impl Fn(u64) -> bool) {
    numbers.into_iter().all(pass_on);
}
