// SPDX-License-Identifier: BSD-3-Clause
//! A retry storm: a minute's outage, from which a service never recovers, although it has room for three times its
//! load. The requests that time out are asked again at once; by then so many old ones wait in line that every answer
//! comes too late. With growing, random pauses between the tries the line drains.
//!
//! That takes an hour to see, or a moment in the simulator: time jumps whenever all wait. A seed repeats it exactly.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant as RealTime};

use kcoro_sim::Sim;
use kcoro_sim::channel::{Receiver, Sender, bounded};
use kcoro_sim::sched::spawn;
use kcoro_sim::time::{Instant, sleep, timeout};

const SEED: u64 = 42;
const HOUR: Duration = Duration::from_secs(3600);
const TEN_MINUTES: Duration = Duration::from_secs(600);

const CLIENTS: u64 = 15;
/// What a client does between two requests takes so long, on average.
const PAUSE: Duration = Duration::from_secs(10);
/// A client waits for so long, in line and for the answer.
const PATIENCE: Duration = Duration::from_secs(1);
const WORK: Duration = Duration::from_millis(200);
const LINE: usize = 50;
const OUTAGE_AT: Duration = TEN_MINUTES;
const OUTAGE: Duration = Duration::from_secs(60);

/// A request is the place for its answer. Whoever has lost patience has dropped the other end.
type Request = Sender<()>;

/// What a client does when a request was not answered in time, for the so-many-th time in a row.
type Retry = fn(u32, &mut Random) -> Duration;

fn at_once(_: u32, _: &mut Random) -> Duration {
    Duration::ZERO
}

/// Up to twice as long as the time before, but no more than a minute; and any part of that, so that those who failed
/// together do not come back together.
fn with_backoff(failures: u32, random: &mut Random) -> Duration {
    let longest = (PATIENCE * 2u32.saturating_pow(failures)).min(Duration::from_secs(60));
    random.up_to(longest)
}

fn main() -> Result<(), Box<dyn Error>> {
    let before = RealTime::now();
    let sim = Sim::new().step_limit(u64::MAX);
    let mut last_hash = 0;
    for (name, retry) in [("retries at once", at_once as Retry), ("retries with backoff", with_backoff)] {
        let outcome = sim.run(SEED, move || an_hour(retry))?;
        let answered = outcome.value;
        println!("{name}: answered in each ten minutes {answered:?}");
        let verdict = if answered[5] >= answered[0] / 2 { "it recovered" } else { "it never recovered" };
        println!("  {verdict}; {} minutes passed in {} steps", outcome.virtual_time.as_secs() / 60, outcome.steps);
        last_hash = outcome.trace_hash;
    }
    let again = sim.run(SEED, || an_hour(with_backoff))?;
    println!("the same seed did the same again: {}", again.trace_hash == last_hash);
    eprintln!("three hours took {:.1?}", before.elapsed());
    Ok(())
}

/// How many requests were answered in time, in each ten minutes of an hour with an outage after the first ten.
fn an_hour(retry: Retry) -> [u32; 6] {
    let start = now();
    let (line, requests) = bounded(LINE);
    let server = spawn(move || serve(&requests, start)).expect("a server");
    let answered: Arc<[AtomicU32; 6]> = Arc::default();
    let client = |number| {
        let (line, answered) = (line.clone(), answered.clone());
        spawn(move || ask_on_and_on(&line, retry, start, Random::new(SEED + number), &answered)).expect("a client")
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    drop(line);
    clients.into_iter().for_each(|client| client.join().expect("an hour"));
    server.join().expect("an hour");
    answered.each_ref().map(|count| count.load(Ordering::Relaxed))
}

fn now() -> Instant {
    Instant::now().expect("a coroutine has a clock")
}

fn since(start: Instant) -> Duration {
    now().duration_since(start).expect("one clock")
}

/// Answers one request after the other, until there are no clients left.
fn serve(requests: &Receiver<Request>, start: Instant) {
    let mut was_out = false;
    for request in requests {
        if !was_out && since(start) >= OUTAGE_AT {
            was_out = true;
            sleep(OUTAGE).expect("nobody cancels it");
        }
        sleep(WORK).expect("nobody cancels it");
        // Nobody may be there any more. The work was done all the same, which is the trouble.
        let _ = request.try_send(());
    }
}

fn ask_on_and_on(line: &Sender<Request>, retry: Retry, start: Instant, mut random: Random, answered: &[AtomicU32; 6]) {
    loop {
        sleep(random.up_to(2 * PAUSE)).expect("nobody cancels it");
        let mut failures = 0;
        while !ask(line) {
            if since(start) >= HOUR {
                return;
            }
            failures += 1;
            sleep(retry(failures, &mut random)).expect("nobody cancels it");
        }
        let Some(count) = answered.get((since(start).as_secs() / TEN_MINUTES.as_secs()) as usize) else { return };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the answer came in time.
fn ask(line: &Sender<Request>) -> bool {
    let (request, answer) = bounded(1);
    // One limit for the place in line and for the answer: what waits inside is cancelled when it has passed.
    let asked = timeout(PATIENCE, || line.send(request).is_ok() && answer.recv().is_ok());
    asked == Ok(true)
}

/// Numbers that repeat for a seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        longest.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}
