// SPDX-License-Identifier: BSD-3-Clause
//! One program that uses everything, and a number that says what it computed: the same on every platform, architecture and
//! build, under every schedule.
//!
//! Only values go into the number, never an order or a time that a schedule decides. So a bit that is lost anywhere (in a
//! register, on a stack, in a channel, in the last place of a float) changes it.
#![expect(unsafe_code, reason = "takes a stack without a guard, which every platform has")]

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::Cell;
use core::hint::black_box;
use core::time::Duration;

use kcoro_core::channel::{RecvTimeoutError, SendTimeoutError, bounded, rendezvous};
use kcoro_core::coroutine::{Generator, Yielder};
use kcoro_core::sched::{Builder, CoroutineLocal, spawn, spawn_local, yield_now};
use kcoro_core::scope::{scope, try_scope};
use kcoro_core::stack::HeapStack;
use kcoro_core::time::{Elapsed, interval, sleep, timeout};
use kcoro_core::wait::block_on;

use crate::Stage;

/// What [`program`] returns.
pub const HASH: u64 = 0x0784_1989_4b4e_e31a;

pub(crate) fn everything_comes_to_the_same_number_everywhere(stage: &Stage) {
    let hash = program(stage.workers());
    assert_eq!(hash, HASH, "the number is now {hash:#x}");
}

/// Runs the program on a runtime with so many workers; call it in a coroutine.
pub fn program(workers: usize) -> u64 {
    let parts: [fn(usize) -> u64; 8] = [jobs, stages, contention, times, scopes, floats, generators, futures];
    parts.iter().fold(OFFSET, |hash, part| mix(hash, part(workers)))
}

/// FNV-1a, of which no bit depends on the machine.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

fn mix(hash: u64, value: u64) -> u64 {
    value.to_le_bytes().iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn mix_text(hash: u64, text: &str) -> u64 {
    text.bytes().fold(hash, |hash, byte| mix(hash, byte.into()))
}

/// Jobs on all workers, each with a value of its own that it counts in.
fn jobs(workers: usize) -> u64 {
    static COUNT: CoroutineLocal<Cell<u64>> = CoroutineLocal::new(|| Cell::new(1));
    let job = |n: u64| {
        let body = move || {
            for step in 0..5 {
                COUNT.with(|count| count.set(mix(count.get(), n + step))).unwrap();
                yield_now();
            }
            COUNT.with(Cell::get).unwrap()
        };
        let on_worker = Builder::new().worker(n as usize % workers);
        if n.is_multiple_of(2) { on_worker.spawn(body) } else { spawn(body) }.unwrap()
    };
    let handles: Vec<_> = (0..12).map(job).collect();
    handles.into_iter().fold(OFFSET, |hash, handle| mix(hash, handle.join().unwrap()))
}

/// A line of stages, each with a channel of another capacity: values keep their order.
fn stages(_: usize) -> u64 {
    let (first, mut last) = bounded(1);
    for stage in 0..4 {
        let (tx, rx) = bounded(stage);
        let work = move || last.iter().for_each(|n: u64| tx.send(n * 3 + stage as u64).unwrap());
        spawn(work).unwrap().detach();
        last = rx;
    }
    let feeder = spawn(move || (0..20).for_each(|n| first.send(n).unwrap())).unwrap();
    let hash = last.iter().fold(OFFSET, mix);
    feeder.join().unwrap();
    hash
}

/// Many senders and receivers: what is received is all that was sent, however it was shared out.
fn contention(_: usize) -> u64 {
    let (tx, rx) = rendezvous();
    let send = |sender: u64| {
        let tx = tx.clone();
        spawn(move || (0..10).for_each(|n| tx.send(mix(sender, n)).unwrap())).unwrap()
    };
    let senders = [1, 2, 3].map(send);
    let receive = |()| {
        let rx = rx.clone();
        spawn(move || rx.iter().fold(0, u64::wrapping_add)).unwrap()
    };
    let receivers = [(), ()].map(receive);
    drop((tx, rx));
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    receivers.into_iter().fold(0, |sum, receiver| sum.wrapping_add(receiver.join().unwrap()))
}

/// Limits that pass and limits that do not; what comes back of each.
fn times(_: usize) -> u64 {
    const LONG: Duration = Duration::from_secs(3600);
    let (tx, rx) = bounded(1);
    let late = rx.recv_timeout(Duration::from_micros(10));
    let mut hash = mix_text(OFFSET, &late.unwrap_err().to_string());
    assert_eq!(late, Err(RecvTimeoutError::TimedOut));
    tx.send(5u64).unwrap();
    let full = tx.send_timeout(6, Duration::from_micros(10));
    hash = mix(hash, full.map_err(SendTimeoutError::into_inner).unwrap_err());
    let Err(Elapsed(ended)) = timeout(Duration::from_micros(50), || (sleep(LONG), 7)) else { panic!("too early") };
    hash = mix_text(mix(hash, ended.1), &ended.0.unwrap_err().to_string());
    hash = mix(hash, timeout(LONG, || rx.recv().unwrap()).unwrap());
    let mut beat = interval(Duration::from_micros(20)).unwrap();
    let (first, second) = (beat.tick().unwrap(), beat.tick().unwrap());
    mix(hash, second.duration_since(first).unwrap().as_nanos() as u64 % 20_000)
}

/// Sums by halves over borrowed numbers, and failures with their words.
fn scopes(_: usize) -> u64 {
    fn sum(numbers: &[u64]) -> u64 {
        match numbers {
            [] => 0,
            [one] => *one,
            more => {
                let (left, right) = more.split_at(more.len() / 2);
                scope(|s| {
                    let left = s.spawn(|| sum(left)).unwrap();
                    mix(sum(right), left.join().unwrap())
                })
            }
        }
    }
    let numbers: Vec<u64> = (0..9).map(|n| mix(OFFSET, n)).collect();
    let parse = |texts: &[&str]| {
        let parsed = try_scope(|s| {
            let parsing: Vec<_> = texts.iter().map(|text| s.spawn(|| text.parse::<u64>())).collect();
            Ok(parsing.into_iter().filter_map(|one| one.ok()?.join().ok()?.ok()).sum::<u64>())
        });
        format!(
            "{:?}",
            parsed.map_err(|error: kcoro_core::scope::ScopeError<core::num::ParseIntError>| error.to_string())
        )
    };
    let hash = mix(OFFSET, sum(&numbers));
    mix_text(mix_text(hash, &parse(&["1", "22", "333"])), &parse(&["1", "two"]))
}

/// Arithmetic that IEEE 754 says to the last bit, interrupted between any two steps.
fn floats(_: usize) -> u64 {
    let series = |seed: u32| {
        move || {
            let (mut sum, mut term) = (f64::from(seed) / 7.0, 1.0f64);
            for n in 1..15u32 {
                term = black_box(term) * 0.3 / f64::from(n);
                yield_now();
                sum += black_box(term) - 1.0 / (sum + f64::from(n));
            }
            (sum.to_bits(), (sum as f32 / 3.0).to_bits())
        }
    };
    let handles: Vec<_> = (0..6).map(|seed| spawn_local(series(seed)).unwrap()).collect();
    let sums = handles.into_iter().map(|handle| handle.join().unwrap());
    sums.fold(OFFSET, |hash, (double, single)| mix(mix(hash, double), single.into()))
}

/// Coroutines inside of coroutines: a generator that recurses, resumed between suspensions of its caller.
fn generators(_: usize) -> u64 {
    fn walk(depth: u64, path: u64, found: &Yielder<(), u64>) {
        if depth > 0 {
            walk(depth - 1, path * 2, found);
            found.suspend(path * 10 + depth);
            walk(depth - 1, path * 2 + 1, found);
        }
    }
    let trees = [3, 4].map(|depth| {
        let body = move || {
            // SAFETY: a recursion of four levels needs far less.
            let stack = unsafe { HeapStack::new_unguarded(64 * 1024) }.unwrap();
            let tree = Generator::new(stack, move |found| walk(depth, 1, found));
            tree.fold(OFFSET, |hash, value| (mix(hash, value), yield_now()).0)
        };
        spawn(body).unwrap()
    });
    trees.into_iter().fold(OFFSET, |hash, tree| mix(hash, tree.join().unwrap()))
}

/// Futures that wait for coroutines, and the other way round.
fn futures(_: usize) -> u64 {
    let ((to, from), (back, answers)) = (rendezvous::<u64>(), bounded(2));
    let answerer = spawn(move || from.iter().for_each(|n| back.send(mix(n, 1)).unwrap())).unwrap();
    let asks = async move {
        let mut hash = OFFSET;
        for n in 0..10 {
            to.send_async(n).await.unwrap();
            hash = mix(hash, answers.recv_async().await.unwrap());
        }
        drop(to);
        answerer.await.unwrap();
        hash
    };
    block_on(asks).unwrap()
}
