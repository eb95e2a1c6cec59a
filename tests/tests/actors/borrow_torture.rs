// SPDX-License-Identifier: BSD-3-Clause
//! Children on another worker write through borrows of their parent's frame and of a thread-local of its thread, while
//! the parent panics, is cancelled or runs out of time, and handles are forgotten.
//!
//! Each child writes its cell once before it waits and once after. A scope that lets its frame go too early leaves a cell
//! at one, or writes into what is no longer there, which AddressSanitizer and Miri see: both run this.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kcoro_posix::channel::{Receiver, bounded};
use kcoro_posix::sched::{Builder, Runtime, RuntimeBuilder, yield_now};
use kcoro_posix::scope::{Quorum, gather, scope, try_scope};
use kcoro_posix::time::{sleep, timeout};
use kcoro_tests::random::Random;
use kcoro_tests::toy::Toy;
use kcoro_tests::{LONG, end};

use crate::quiet_panic;

const ROUNDS: u64 = if cfg!(miri) { 4 } else { 400 };
const CELLS: usize = 3;

thread_local! {
    static LOCAL: RefCell<[u64; CELLS]> = const { RefCell::new([0; CELLS]) };
}

/// Miri does not know the system calls that give POSIX its stacks.
fn platform() -> RuntimeBuilder {
    if cfg!(miri) { Runtime::builder(Toy::new()) } else { kcoro_tests::builder() }
}

/// How a child spends the time between its two writes.
fn between(how: u64, cell: &mut u64, never: &Receiver<()>) {
    match how {
        0 => (0..3).for_each(|_| yield_now()),
        1 => assert!(sleep(LONG).is_err()),
        2 => assert!(never.recv().is_err()),
        // Lends what it was lent.
        _ => scope(|below| {
            let writes = || {
                *cell += 1;
                let _ = sleep(LONG);
                *cell += 1;
            };
            drop(below.spawn(writes).unwrap());
        }),
    }
}

/// How the closure of a scope ends.
fn leave(how: u64, cancel: impl Fn()) {
    match how {
        0 => quiet_panic(),
        1 => {
            yield_now();
            cancel();
        }
        // Until the deadline.
        2 => _ = sleep(LONG),
        _ => cancel(),
    }
}

/// One scope in one of its ways, with children on worker `other`.
fn round(random: &mut Random, other: usize, never: &Receiver<()>) {
    let mut frame = [0; CELLS];
    LOCAL.with_borrow_mut(|local| {
        *local = [0; CELLS];
        let (kind, way, limit_us) = (random.below(3), random.below(4), random.below(200));
        let cells = frame.iter_mut().chain(local.iter_mut());
        let children = cells.map(|cell| {
            let (how, panics) = (random.below(4), kind > 0 && random.below(4) == 0);
            (random.below(2), move || {
                *cell += 1;
                between(how, cell, never);
                *cell += 1;
                if panics { quiet_panic() } else { Ok::<(), ()>(()) }
            })
        });
        let children: Vec<_> = children.collect();
        let there = || Builder::new().worker(other);
        let body = || match kind {
            0 => scope(|s| {
                for (forgets, child) in children {
                    let child = s.spawn_with(there(), child).unwrap();
                    if forgets == 1 { std::mem::forget(child) } else { drop(child) }
                }
                leave(way, || s.cancel());
            }),
            1 => drop(try_scope(|s| {
                for (forgets, child) in children {
                    let child = s.spawn_with(there(), child).unwrap();
                    if forgets == 1 { std::mem::forget(child) } else { drop(child) }
                }
                leave(way, || s.cancel());
                Ok::<(), ()>(())
            })),
            _ => drop(gather(Quorum::Any, |s| {
                children.into_iter().for_each(|(_, child)| s.spawn_with(there(), child).unwrap());
                leave(way, || s.cancel());
                Ok::<(), ()>(())
            })),
        };
        let ended = catch_unwind(AssertUnwindSafe(|| timeout(Duration::from_micros(limit_us), body)));
        assert_eq!(ended.is_err(), kind == 0 && way == 0, "a plain scope's closure goes on with its panic");
        assert!(local.iter().all(|cell| cell % 2 == 0), "{local:?}");
    });
    assert!(frame.iter().all(|cell| cell % 2 == 0), "{frame:?}");
}

#[test]
fn what_children_on_another_worker_were_lent_is_whole_however_their_scope_ends() {
    let runtime = platform().workers(2).build().unwrap();
    let parents = [0, 1].map(|worker| {
        let parent = move || {
            let (never_tx, never) = bounded(1);
            let mut random = Random::new(worker as u64 + 1);
            (0..ROUNDS).for_each(|_| round(&mut random, 1 - worker, &never));
            drop(never_tx);
        };
        runtime.builder().worker(worker).spawn(parent).unwrap()
    });
    parents.into_iter().for_each(|parent| parent.join().unwrap());
    end(runtime);
}
