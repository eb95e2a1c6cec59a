// SPDX-License-Identifier: BSD-3-Clause
//! Two coroutines hand a number back and forth over rendezvous channels.
//!
//! A rendezvous channel has no buffer: a send waits for the receive that takes its value. So the two take turns, and
//! each hand-over is a switch from one coroutine to the other.

use std::error::Error;

use kcoro_posix::Posix;
use kcoro_posix::channel::rendezvous;
use kcoro_posix::sched::{Builder, Runtime};

const ROUNDS: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder(Posix::new()).build()?;
    let number = runtime.run(|| ping_pong().map_err(|error| error.to_string()))??;
    println!("after {ROUNDS} rounds the number is {number}");
    Ok(())
}

fn ping_pong() -> Result<u64, Box<dyn Error>> {
    let (ping, pinged) = rendezvous::<u64>();
    let (pong, ponged) = rendezvous::<u64>();

    // `near` keeps the two on one worker, where handing over costs nanoseconds.
    let partner = Builder::new().name("partner").near().spawn(move || {
        // Ends when the last sender of pings is dropped.
        for number in pinged {
            if pong.send(number + 1).is_err() {
                break;
            }
        }
    })?;

    let mut number = 0;
    for _ in 0..ROUNDS {
        ping.send(number)?;
        number = ponged.recv()?;
    }
    drop(ping);
    partner.join()?;
    Ok(number)
}
