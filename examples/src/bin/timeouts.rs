// SPDX-License-Identifier: BSD-3-Clause
//! Time: sleeping, a limit on one operation, a limit on a whole block, a deadline, a steady beat.
//!
//! Nothing here polls: a coroutine that waits is parked, and its worker sleeps until the first of them is due.

use std::error::Error;
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::channel::{RecvTimeoutError, bounded};
use kcoro_posix::sched::Runtime;
use kcoro_posix::time::{Elapsed, Instant, interval, sleep, timeout};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

fn main() -> Result<(), Box<dyn Error>> {
    Runtime::builder(Posix::new()).build()?.run(|| wait_in_many_ways().map_err(|error| error.to_string()))??;
    Ok(())
}

fn wait_in_many_ways() -> Result<(), Box<dyn Error>> {
    let start = Instant::now()?;
    sleep(SHORT)?;
    let slept = Instant::now()?.duration_since(start)?;
    println!("a sleep is never short: {}", slept >= SHORT);

    // One operation, for so long, or until then. The sender lives, but sends nothing.
    let (_sender, receiver) = bounded::<u8>(1);
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
    let deadline = Instant::now()?.saturating_add(SHORT);
    assert_eq!(receiver.recv_deadline(deadline), Err(RecvTimeoutError::TimedOut));
    println!("nothing was received in time");

    // A block: what waits inside is told that it is cancelled, and the block ends in its own way. What it had done so
    // far is not lost.
    let mut naps = 0;
    let limited = timeout(SHORT, || {
        while sleep(SHORT / 4).is_ok() {
            naps += 1;
        }
        let worth_an_hour = sleep(LONG);
        format!("then {}", worth_an_hour.unwrap_err())
    });
    let Err(Elapsed(ended)) = limited else { return Err("the limit did not work".into()) };
    println!("at most four naps fitted in: {}, {ended}", naps <= 4);

    // A beat does not drift: each tick is due one period after the one before, however long the work took.
    let mut beat = interval(SHORT)?;
    let first = beat.tick()?;
    beat.tick()?;
    let third = beat.tick()?;
    println!("three ticks span at least two periods: {}", third.duration_since(first)? >= 2 * SHORT);
    Ok(())
}
