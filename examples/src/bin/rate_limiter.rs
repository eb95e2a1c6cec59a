// SPDX-License-Identifier: BSD-3-Clause
//! A rate limiter: a semaphore whose permits come back with time, not with those who took them.
//!
//! A request takes a permit and keeps it. An interval adds one at each beat, up to a burst. Who finds none is parked, first
//! come, first served; nothing polls.

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::sched::Runtime;
use kcoro_posix::scope::scope;
use kcoro_posix::sync::{AcquireError, Permit, Semaphore};
use kcoro_posix::time::{Instant, interval};

const PERIOD: Duration = Duration::from_millis(2);
const BURST: usize = 3;
const REQUESTS: usize = 12;

struct RateLimiter {
    permits: Semaphore,
}

impl RateLimiter {
    /// Full: a burst may go at once.
    fn new() -> Self {
        Self { permits: Semaphore::new(BURST) }
    }

    /// Waits until one more may go.
    fn admit(&self) -> Result<(), AcquireError> {
        self.permits.acquire_cancellable(1).map(Permit::forget)
    }

    /// Adds a permit at each beat, until the coroutine that calls it is cancelled.
    fn refill(&self) {
        let Ok(mut beat) = interval(PERIOD) else { return };
        while beat.tick().is_ok() {
            if self.permits.available() < BURST {
                self.permits.release(1);
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // One worker, so that nobody comes between a request's number and its place in line.
    let runtime = Runtime::builder(Posix::new()).workers(1).build()?;
    runtime.run(|| serve().map_err(|error| error.to_string()))??;
    Ok(())
}

fn serve() -> Result<(), Box<dyn Error>> {
    let limiter = RateLimiter::new();
    let (arrivals, served) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let start = Instant::now()?;
    scope(|s| -> Result<(), Box<dyn Error>> {
        let refills = s.spawn(|| limiter.refill())?;
        let request = || {
            let (limiter, served, arrivals) = (&limiter, &served, &arrivals);
            move || {
                // Spawning them in some order does not start them in that order: they come when they ask.
                let nth = arrivals.fetch_add(1, Ordering::Relaxed);
                limiter.admit().expect("nobody cancels or closes");
                served.lock().expect("nobody panics").push(nth);
            }
        };
        let requests: Result<Vec<_>, _> = (0..REQUESTS).map(|_| s.spawn(request())).collect();
        for request in requests? {
            request.join()?;
        }
        refills.cancel();
        Ok(())
    })?;
    let took = Instant::now()?.duration_since(start)?;
    let served = served.into_inner()?;
    let beats = (REQUESTS - BURST) as u32;
    println!("{} requests were served, in the order in which they came: {}", served.len(), served.is_sorted());
    println!("after the first {BURST} each waited for a beat of its own: {}", took >= PERIOD * beats);
    Ok(())
}
