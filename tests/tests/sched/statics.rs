// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines in slots, and runtimes in statics.
#![expect(unsafe_code, reason = "vouches for how deep the slots' coroutines call")]

use std::hint::black_box;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::cancel::CancelToken;
use kcoro_posix::channel::StaticChannel;
use kcoro_posix::sched::{
    BuildError, Builder, JoinError, RunError, Slot, Slots, SpawnError, StaticRuntime, spawn, spawn_static, yield_now,
};
use kcoro_posix::sync::WaitGroup;
use kcoro_posix::time::sleep;
use kcoro_tests::child::aborts;
use kcoro_tests::counted::Drops;
use kcoro_tests::{LONG, builder, end, runtime, until};

/// What a test's coroutine in a build without optimisation needs, and more.
const ROOMY: usize = 64 * 1024;

/// # Safety
///
/// As for `Slot::new_unguarded`.
const unsafe fn slot() -> Slot<ROOMY> {
    // SAFETY: forwarded.
    unsafe { Slot::new_unguarded() }
}

#[test]
fn a_static_runtime_runs_what_lies_in_slots_on_all_its_workers() {
    static PLATFORM: LazyLock<Posix> = LazyLock::new(Posix::new);
    static RUNTIME: StaticRuntime<2> = StaticRuntime::new();
    // SAFETY: nothing here calls deeply; and so below.
    static ROOT: Slot<ROOMY> = unsafe { slot() };
    // SAFETY: as above.
    static JOBS: Slots<4, ROOMY> = unsafe { Slots::new_unguarded() };
    static RESULTS: StaticChannel<u64, 2> = StaticChannel::new();

    let runtime = RUNTIME.build_local(&*PLATFORM).unwrap();
    assert_eq!(RUNTIME.build_local(&*PLATFORM).unwrap_err(), BuildError::AlreadyBuilt);
    let mut offset = 7;
    let sum = runtime.run_static(&ROOT, || {
        offset += 1;
        let mut handles = Vec::new();
        for n in 0..4_u64 {
            let job = move || {
                sleep(Duration::from_micros(n)).unwrap();
                RESULTS.send(n).unwrap();
            };
            handles.push(JOBS.try_spawn(job).unwrap());
        }
        assert_eq!(JOBS.try_spawn(|| ()).unwrap_err(), SpawnError::Full { limit: 4 });
        let sum: u64 = RESULTS.iter().take(4).sum();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        sum
    });
    assert_eq!((sum.unwrap(), offset), (6, 8), "the root may borrow");
    assert!(runtime.shutdown(LONG).is_clean());
    until(|| JOBS.free() == 4 && ROOT.is_free());
}

#[test]
fn a_slot_is_busy_until_its_handle_and_its_coroutine_have_left() {
    // SAFETY: as above.
    static SLOT: Slot<ROOMY> = unsafe { slot() };
    let runtime = runtime(1);
    runtime
        .run(|| {
            let drops = Drops::new();
            let (kept, refused) = (drops.value(), drops.value());
            let handle = spawn_static(&SLOT, move || kept).unwrap();
            let second = spawn_static(&SLOT, move || drop(refused)).unwrap_err();
            assert_eq!((second, drops.count()), (SpawnError::SlotBusy, 1), "what is refused is dropped");
            until(|| handle.is_finished());
            assert_eq!(spawn_static(&SLOT, || ()).unwrap_err(), SpawnError::SlotBusy, "the output lies there");
            drop(handle);
            assert_eq!(drops.count(), 2);
            for n in 0..if cfg!(miri) { 10 } else { 100 } {
                assert_eq!(spawn_static(&SLOT, move || n).unwrap().join().unwrap(), n);
                spawn_static(&SLOT, yield_now).unwrap().detach();
                until(|| SLOT.is_free());
            }
        })
        .unwrap();
    end(runtime);
}

/// Writes and reads what is its own as long as nobody else runs on its stack.
fn uses_its_stack(mark: usize) {
    let mine = black_box([mark; 512]);
    yield_now();
    assert!(black_box(mine).iter().all(|word| *word == mark), "somebody else ran on this stack");
}

#[test]
fn no_two_coroutines_ever_run_on_one_slots_stack() {
    // SAFETY: as above.
    static SLOTS: Slots<2, ROOMY> = unsafe { Slots::new_unguarded() };
    static RUN: AtomicUsize = AtomicUsize::new(0);
    const EACH: usize = if cfg!(miri) { 10 } else { 2_000 };
    let runtime = runtime(2);
    let spawners: Vec<_> = (0..3)
        .map(|spawner| {
            let body = move || {
                let mut spawned = 0;
                while spawned < EACH {
                    let body = move || {
                        uses_its_stack(spawner * EACH + spawned);
                        RUN.fetch_add(1, Ordering::Relaxed);
                    };
                    match SLOTS.try_spawn(body) {
                        Ok(handle) => {
                            spawned += 1;
                            // Half of them end with a handle, and half without.
                            if spawned.is_multiple_of(2) { handle.join().unwrap() } else { handle.detach() }
                        }
                        Err(full) => {
                            assert_eq!(full, SpawnError::Full { limit: 2 });
                            yield_now();
                        }
                    }
                }
            };
            runtime.spawn(body).unwrap()
        })
        .collect();
    spawners.into_iter().for_each(|spawner| spawner.join().unwrap());
    end(runtime);
    assert_eq!((RUN.load(Ordering::Relaxed), SLOTS.free()), (3 * EACH, 2));
}

#[test]
fn a_slot_that_is_too_small_says_both_sizes() {
    // SAFETY: nothing ever runs in it.
    static SMALL: Slot<2048> = unsafe { Slot::new_unguarded() };
    let runtime = runtime(1);
    let cargo = [1_u8; 1500];
    let refused = runtime.builder().spawn_static(&SMALL, move || black_box(cargo)[0]).unwrap_err();
    let SpawnError::SlotTooSmall { slot_bytes: 2048, needed_bytes } = refused else { panic!("{refused}") };
    assert!((2048 + 256..4096).contains(&needed_bytes), "{refused}");
    assert!(SMALL.is_free());
    end(runtime);
}

#[test]
fn a_slot_whose_coroutine_never_runs_is_free_again() {
    // SAFETY: as above.
    static SLOT: Slot<ROOMY> = unsafe { slot() };
    let runtime = runtime(1);
    runtime
        .run(|| {
            let drops = Drops::new();
            let value = drops.value();
            let handle = spawn_static(&SLOT, move || drop(value)).unwrap();
            handle.cancel();
            assert!(matches!(handle.join(), Err(JoinError::Cancelled)));
            assert_eq!(drops.count(), 1);
            assert_eq!(spawn_static(&SLOT, || 5).unwrap().join().unwrap(), 5);
        })
        .unwrap();
    // Spawned too late: the slot does not stay taken.
    let handle = runtime.handle().clone();
    end(runtime);
    assert_eq!(handle.builder().spawn_static(&SLOT, || ()).unwrap_err(), SpawnError::Shutdown);
    assert!(SLOT.is_free());
}

#[test]
fn slots_and_heap_do_not_mix_their_stacks() {
    // SAFETY: as above.
    static SLOTS: [Slot<ROOMY>; 2] = unsafe { [slot(), slot()] };
    static INSIDE: WaitGroup = WaitGroup::new();
    let runtime = builder().workers(1).stack_size(ROOMY).build().unwrap();
    runtime
        .run(|| {
            for round in 0..50 {
                // Ready together, so that each ends next to one that has not started.
                let first = spawn(move || uses_its_stack(round)).unwrap();
                INSIDE.add(2);
                let inside = SLOTS.each_ref().map(|slot| spawn_static(slot, || INSIDE.done()).unwrap());
                let last = spawn(move || uses_its_stack(round + 2)).unwrap();
                // Not for the one and then for the other: the first is to end with the second next.
                INSIDE.wait().unwrap();
                inside.into_iter().for_each(|inside| inside.join().unwrap());
                first.join().unwrap();
                last.join().unwrap();
            }
        })
        .unwrap();
    end(runtime);
}

#[test]
fn a_panic_in_a_slot_arrives_at_the_join() {
    // SAFETY: a panic takes some stack, and gets it.
    static SLOT: Slot<{ 256 * 1024 }> = unsafe { Slot::new_unguarded() };
    let runtime = runtime(1);
    let handle = runtime.builder().spawn_static(&SLOT, || panic!("on purpose")).unwrap();
    let Err(JoinError::Panicked(panicked)) = handle.join() else { panic!("it returned") };
    assert_eq!(panicked.message(), Some("on purpose"));
    end(runtime);
}

#[test]
fn what_a_static_runtime_would_have_called_is_given_back() {
    static PLATFORM: LazyLock<Posix> = LazyLock::new(Posix::new);
    static RUNTIME: StaticRuntime<1> = StaticRuntime::new();
    // SAFETY: as above.
    static ROOT: Slot<ROOMY> = unsafe { slot() };
    let runtime = RUNTIME.build_local(&*PLATFORM).unwrap();
    let drops = Drops::new();
    let value = drops.value();
    let token = runtime.run_static(&ROOT, move || {
        let token = CancelToken::new().child_with_timeout(LONG).unwrap();
        token.on_cancel(move |_| drop(value)).keep();
        // On the heap of a runtime that lies in a static.
        assert_eq!(spawn(|| 3).unwrap().join().unwrap(), 3);
        token
    });
    let token = token.unwrap();
    assert!(matches!(runtime.run_static(&ROOT, runtime_inside), Ok(Err(RunError::InsideRuntime))));
    let handle = runtime.handle().clone();
    assert!(runtime.shutdown(LONG).is_clean());
    assert_eq!(handle.spawn(|| ()).unwrap_err(), SpawnError::Shutdown);
    drop(token);
    assert_eq!(drops.count(), 1);
}

/// What driving another runtime from a coroutine comes to.
fn runtime_inside() -> Result<(), RunError> {
    builder().workers(1).build_local().unwrap().run(|| ())
}

/// Uses more stack than `bytes`, all of it.
fn dig(floor: usize) -> u8 {
    let block = black_box([1_u8; 128]);
    if block.as_ptr().addr() > floor { dig(floor) | black_box(block)[7] } else { block[0] }
}

#[test]
#[cfg(not(any(miri, kcoro_asan)))]
fn an_overflow_of_a_slot_names_its_coroutine() {
    let stderr = aborts("statics::an_overflow_of_a_slot_names_its_coroutine", || {
        // SAFETY: the second overflows into the first, which nobody uses meanwhile.
        static TWO: Slots<2, ROOMY> = unsafe { Slots::new_unguarded() };
        let runtime = runtime(1);
        let _ = runtime.run(|| {
            TWO.try_spawn(|| ()).unwrap().join().unwrap();
            let deep = Builder::new().name("well").spawn_static(&TWO, || {
                let here = 0_u8;
                dig((&raw const here).addr() - ROOMY)
            });
            deep.unwrap().join().unwrap();
        });
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("well, spawned at tests/tests/sched/statics.rs:"), "{stderr}");
        assert!(stderr.contains("it has overflowed the stack of its slot, which has 6"), "{stderr}");
    }
}
