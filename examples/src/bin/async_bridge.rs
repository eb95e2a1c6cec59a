// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines and futures on one channel, and each waiting for the other.
//!
//! `block_on` runs a future in the calling coroutine (or plain thread) and parks that while the future is pending. The
//! other way round, what coroutines offer can be awaited: channels by `send_async` and `recv_async`, and a coroutine's
//! end by its join handle. None of this needs an async runtime.

use std::error::Error;

use kcoro_posix::Posix;
use kcoro_posix::channel::{Receiver, Sender, bounded};
use kcoro_posix::sched::Runtime;
use kcoro_posix::wait::block_on;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder(Posix::new()).build()?;
    let (requests, incoming) = bounded::<u64>(2);
    let (replies, answers) = bounded::<u64>(2);

    // A coroutine, in plain blocking code.
    let squarer = runtime.spawn(move || {
        let mut squared = 0;
        for number in incoming {
            if replies.send(number * number).is_err() {
                break;
            }
            squared += 1;
        }
        squared
    })?;

    // Async code, run by a coroutine.
    let sum = runtime.spawn(move || block_on(ask_all(requests, answers)))?;

    // This thread awaits the ends of both.
    let (sum, squared) = block_on(async { (sum.await, squarer.await) })?;
    println!("the sum of {} squares is {}", squared?, sum??.ok_or("the coroutine went away")?);
    Ok(())
}

/// Sends numbers and adds up the answers; `None` if nobody answers any more.
async fn ask_all(requests: Sender<u64>, answers: Receiver<u64>) -> Option<u64> {
    let mut sum = 0;
    for number in 1..=100 {
        requests.send_async(number).await.ok()?;
        sum += answers.recv_async().await.ok()?;
    }
    Some(sum)
}
