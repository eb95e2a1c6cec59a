// SPDX-License-Identifier: BSD-3-Clause
//! A spawn can take longer than a shutdown gives: its thread may lose the processor at any point. Here it loses it between
//! the moment when the runtime has admitted the coroutine and the moment when it is queued, in the allocator. This
//! is why the whole program has that allocator.
#![expect(unsafe_code, reason = "an allocator that stands still when told to")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use kcoro_posix::sched::{Handle, JoinError, JoinHandle};
use kcoro_tests::counted::{Counted, Drops};
use kcoro_tests::runtime;

/// Closures of this size are unlike anything else that is allocated here.
const UNUSUAL_BYTES: usize = 54_321;
/// Enough for as many copies of one as a build that is not optimised makes.
const STACK_BYTES: usize = 4 << 20;

/// Stands still in the allocation of whatever holds an unusual closure, until [`Pause::end`].
struct StandsStill;

/// Pauses asked for, begun, and ended.
static ASKED: AtomicUsize = AtomicUsize::new(0);
static BEGUN: AtomicU32 = AtomicU32::new(0);
static ENDED: AtomicU32 = AtomicU32::new(0);

// SAFETY: the system's allocator, after a while.
unsafe impl GlobalAlloc for StandsStill {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let unusual = (UNUSUAL_BYTES..UNUSUAL_BYTES + 4096).contains(&layout.size());
        if unusual && ASKED.swap(0, Ordering::SeqCst) == 1 {
            BEGUN.store(1, Ordering::SeqCst);
            while ENDED.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
        }
        // SAFETY: forwarded.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: forwarded.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: StandsStill = StandsStill;

fn ask_for_a_pause() {
    BEGUN.store(0, Ordering::SeqCst);
    ENDED.store(0, Ordering::SeqCst);
    ASKED.store(1, Ordering::SeqCst);
}

fn await_the_pause() {
    while BEGUN.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
}

fn end_the_pause() {
    ENDED.store(1, Ordering::SeqCst);
}

/// An unusual closure.
fn body(value: Counted) -> impl FnOnce() + Send {
    let ballast = [7u8; UNUSUAL_BYTES];
    move || {
        assert_eq!(ballast[UNUSUAL_BYTES - 1], 7);
        drop(value);
        panic!("it came too late to run");
    }
}

/// Shuts a runtime down while `spawn` is on its way, lets it go on, and waits for the child's end.
fn spawned_too_late(spawn: impl FnOnce(&Handle, Counted) -> JoinHandle<()> + Send + 'static) {
    let runtime = runtime(2);
    let (handle, drops) = (runtime.handle().clone(), Drops::new());
    let value = drops.value();
    ask_for_a_pause();
    let spawner = std::thread::spawn(move || spawn(&handle, value).join());
    await_the_pause();
    let report = runtime.shutdown(Duration::ZERO);
    assert_eq!((report.unparked, report.abandoned.len()), (1, 0), "it has been admitted");
    end_the_pause();
    assert!(matches!(spawner.join().unwrap(), Err(JoinError::Shutdown)));
    assert_eq!(drops.count(), 1);
}

/// One after the other: there is one allocator.
#[test]
fn who_is_spawned_while_a_runtime_stops_is_ended_and_its_join_returns() {
    super::alone("late_spawn::who_is_spawned_while_a_runtime_stops_is_ended_and_its_join_returns", || {
        spawned_too_late(|runtime, value| runtime.spawn(body(value)).unwrap());
        spawned_too_late(|runtime, value| runtime.builder().worker(1).spawn(body(value)).unwrap());
        a_coroutine_spawns_onto_a_worker_that_has_stopped();
    });
}

fn a_coroutine_spawns_onto_a_worker_that_has_stopped() {
    let runtime = runtime(2);
    let (handle, drops) = (runtime.handle().clone(), Drops::new());
    let value = drops.value();
    let (child_tx, child_rx) = mpsc::channel();
    ask_for_a_pause();
    let spawner = move || child_tx.send(handle.builder().worker(1).spawn(body(value)).unwrap()).unwrap();
    runtime.builder().worker(0).stack_size(STACK_BYTES).spawn(spawner).unwrap().detach();
    await_the_pause();
    let report = runtime.shutdown(Duration::ZERO);
    assert_eq!(report.unparked, 2, "the spawner and its child");
    end_the_pause();
    assert!(matches!(child_rx.recv().unwrap().join(), Err(JoinError::Shutdown)));
    assert_eq!(drops.count(), 1);
}
