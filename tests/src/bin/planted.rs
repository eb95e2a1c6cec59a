// SPDX-License-Identifier: BSD-3-Clause
//! Programs with one bug each, and clean ones of the same shape. The suites `tsan`, `asan`, `valgrind` and `miri` run them: a
//! checker that does not report the bug, or that reports something in a clean program, checks nothing.
//!
//! `planted NAME`; without a name it lists them.
#![expect(unsafe_code, reason = "the bugs need it")]

use std::cell::UnsafeCell;
use std::hint::{black_box, spin_loop};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::thread::sleep;
use std::time::Duration;

use kcoro_posix::GuardedStack;
use kcoro_posix::coroutine::{Coroutine, Yielder};
use kcoro_posix::sched::{spawn, yield_now};
use kcoro_posix::scope::scope;
use kcoro_tests::{end, runtime};

/// Names and programs. Those whose name begins with `clean` have no bug.
const PROGRAMS: &[(&str, fn())] = &[
    ("race", || hand_a_cell_over(Flag::Before)),
    ("relaxed-flag", || hand_a_cell_over(Flag::After(Ordering::Relaxed, Ordering::Relaxed))),
    ("clean-flag", || hand_a_cell_over(Flag::After(Ordering::Release, Ordering::Acquire))),
    ("moved-relaxed", || move_a_coroutine(Ordering::Relaxed, Ordering::Relaxed)),
    ("clean-moved", || move_a_coroutine(Ordering::Release, Ordering::Acquire)),
    ("heap-use-after-free", || in_coroutines(read_a_freed_block)),
    ("stack-buffer-overflow", || in_coroutines(write_past_an_array)),
    ("stack-use-after-return", || in_coroutines(read_the_frame_of_a_call)),
    ("leak", || in_coroutines(lose_a_block)),
    ("uninitialised", || in_coroutines(branch_on_an_unwritten_local)),
    ("aliased", || in_coroutines(lend_twice_over_a_switch)),
    ("clean-frames", || in_coroutines(keep_frames_and_blocks)),
];

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    match PROGRAMS.iter().find(|(known, _)| *known == name) {
        Some((_, program)) => {
            program();
            ExitCode::SUCCESS
        }
        None => {
            PROGRAMS.iter().for_each(|(name, _)| eprintln!("{name}"));
            ExitCode::from(2)
        }
    }
}

#[derive(Clone, Copy)]
enum Flag {
    /// Set before the first one writes: it only says that both are there.
    Before,
    /// Set after the first one has written: how it is stored, and how the second loads it.
    After(Ordering, Ordering),
}

#[derive(Default)]
struct Shared {
    cell: UnsafeCell<u64>,
    flag: AtomicBool,
    done: AtomicBool,
}

// SAFETY: this is the bug, unless the flag orders the accesses to the cell.
unsafe impl Sync for Shared {}

impl Shared {
    #[inline(never)]
    fn write_on_the_first_worker(&self) {
        // SAFETY: none, see above.
        unsafe { *self.cell.get() += 1 };
    }

    #[inline(never)]
    fn write_on_the_second_worker(&self) {
        // SAFETY: none, see above.
        unsafe { *self.cell.get() += 1 };
    }
}

/// One coroutine on each of two workers; both have been suspended, and the second is suspended again and again while it
/// waits for the first. Nothing but the flag is between them: the first does not suspend after it has set the flag.
fn hand_a_cell_over(flag: Flag) {
    let runtime = runtime(2);
    let shared = Arc::new(Shared::default());
    let (first, second, company) = (shared.clone(), shared.clone(), shared.clone());
    let (store, load) = match flag {
        Flag::Before => (Ordering::Relaxed, Ordering::Relaxed),
        Flag::After(store, load) => (store, load),
    };
    let on = |worker| runtime.handle().builder().worker(worker);
    let handles = [
        on(0).spawn(move || {
            yield_now();
            if let Flag::Before = flag {
                first.flag.store(true, store);
            }
            first.write_on_the_first_worker();
            first.flag.store(true, store);
            wait_without_a_trace(&first.done);
        }),
        on(1).spawn(move || {
            while !second.flag.load(load) {
                yield_now();
            }
            second.write_on_the_second_worker();
            second.done.store(true, Ordering::Relaxed);
        }),
        // Someone to switch to.
        on(1).spawn(move || {
            while !company.done.load(Ordering::Relaxed) {
                yield_now();
            }
        }),
    ];
    handles.into_iter().for_each(|handle| handle.unwrap().join().unwrap());
    end(runtime);
}

/// Keeps the thread busy without spinning: a checker remembers only the last accesses of each thread, those of a spin among
/// them, and does not report a race whose first access it has forgotten.
#[expect(clippy::disallowed_methods, reason = "the thread must stay the coroutine's own, and do nothing")]
fn wait_without_a_trace(done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(1));
    }
}

type Moving = Coroutine<(), (), u64, GuardedStack>;

/// A coroutine that two threads resume one after the other. Its own frames are handed over with it.
fn move_a_coroutine(store: Ordering, load: Ordering) {
    let place = AtomicPtr::<Moving>::new(std::ptr::null_mut());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut coroutine =
                Coroutine::new(GuardedStack::new(64 << 10).unwrap(), |yielder: &Yielder<(), ()>, ()| {
                    suspend_in_the_depth(yielder, &mut [0; 8], 50)
                });
            coroutine.resume(());
            place.store(Box::into_raw(Box::new(coroutine)), store);
            // Were this thread to end, its memory could be the other's, which would then count as the same.
            wait_without_a_trace(&done);
        });
        scope.spawn(|| {
            let mut moved = std::ptr::null_mut::<Moving>();
            while moved.is_null() {
                moved = place.load(load);
                spin_loop();
            }
            // SAFETY: it was a box, and the first thread has forgotten it. That the hand-over is not ordered is the bug.
            let mut coroutine = unsafe { Box::from_raw(moved) };
            coroutine.resume(());
            done.store(true, Ordering::Relaxed);
        });
    });
}

/// Suspends below many frames, so that all of them return on another thread than they were entered on.
#[inline(never)]
fn suspend_in_the_depth(yielder: &Yielder<(), ()>, words: &mut [u64; 8], depth: u32) -> u64 {
    if depth > 0 {
        return suspend_in_the_depth(yielder, words, depth - 1) + black_box(1);
    }
    write_before_the_move(words);
    yielder.suspend(());
    read_after_the_move(words)
}

#[inline(never)]
fn write_before_the_move(words: &mut [u64; 8]) {
    black_box(words)[3] = 7;
}

#[inline(never)]
fn read_after_the_move(words: &[u64; 8]) -> u64 {
    black_box(words)[3]
}

/// Runs `body` in some coroutines, among them one on a stack on which another has ended.
fn in_coroutines(body: fn()) {
    let runtime = runtime(1);
    let run = move || (0..3).for_each(|_| spawn(body).unwrap().join().unwrap());
    runtime.run(run).unwrap();
    end(runtime);
}

#[inline(never)]
fn read_a_freed_block() {
    let block = Box::into_raw(Box::new([1u64; 4]));
    yield_now();
    // SAFETY: it was a box.
    drop(unsafe { Box::from_raw(block) });
    yield_now();
    // SAFETY: none: the block is free. This is the bug.
    black_box(unsafe { (&raw const (*block)[1]).read_volatile() });
}

#[inline(never)]
fn write_past_an_array() {
    let mut array = [0u8; 16];
    let start = black_box(array.as_mut_ptr());
    yield_now();
    // SAFETY: none: this is the byte after the array. This is the bug.
    unsafe { start.wrapping_add(array.len()).write_volatile(1) };
    black_box(array);
}

#[inline(never)]
fn read_the_frame_of_a_call() {
    let place = AtomicPtr::default();
    show_a_frame(&place);
    let frame = place.into_inner();
    yield_now();
    // SAFETY: none: the call has returned. This is the bug.
    black_box(unsafe { frame.read_volatile() });
}

#[inline(never)]
fn show_a_frame(place: &AtomicPtr<u64>) {
    // Not by `black_box`: it counts as assembly, and of functions with assembly the checker leaves the frame where it is.
    let mut local = 5;
    show(place, &mut local);
}

#[inline(never)]
fn show(place: &AtomicPtr<u64>, local: &mut u64) {
    place.store(local, Ordering::Relaxed);
}

#[inline(never)]
fn lose_a_block() {
    std::mem::forget(black_box(Box::new([1u64; 4])));
    yield_now();
}

#[inline(never)]
fn branch_on_an_unwritten_local() {
    let local = black_box(Box::new(std::mem::MaybeUninit::<u64>::uninit()));
    yield_now();
    // SAFETY: none: nothing was written there. This is the bug.
    if unsafe { local.as_ptr().read_volatile() } == 1 {
        black_box(());
    }
}

/// Two coroutines write to one local in turn, each by a reference that counts as the only one. No memory is misused, and no
/// machine code shows it; the compiler may still rely on it.
#[inline(never)]
fn lend_twice_over_a_switch() {
    let mut local = 0u64;
    let address = &raw mut local;
    // SAFETY: none: from the next line on this reference is not the only one. This is the bug.
    let old = unsafe { &mut *address };
    // SAFETY: the frame waits for the coroutine below.
    let new = unsafe { &mut *address };
    scope(|s| s.spawn(|| *new += 1).unwrap().join().unwrap());
    write_by_an_old_reference(old);
}

#[inline(never)]
fn write_by_an_old_reference(old: &mut u64) {
    *old += 1;
}

/// Does what the buggy ones do, rightly, and switches between frames of many sizes.
#[inline(never)]
fn keep_frames_and_blocks() {
    let mut blocks = Vec::new();
    for bytes in 1..64 {
        blocks.push(vec![1u8; bytes]);
        let other = spawn(move || large_frame(bytes)).unwrap();
        yield_now();
        assert_eq!(large_frame(bytes) + other.join().unwrap(), 2 * bytes);
    }
    assert_eq!(blocks.concat().len(), 63 * 32);
}

#[inline(never)]
fn large_frame(bytes: usize) -> usize {
    let mut frame = [0u8; 20_000];
    black_box(&mut frame)[..bytes].fill(1);
    yield_now();
    frame.iter().map(|&byte| usize::from(byte)).sum()
}
