// SPDX-License-Identifier: BSD-3-Clause
//! The stack half of the platform seam, for each kind of guard.
#![expect(unsafe_code, reason = "touches stacks and gives them back")]

use std::collections::HashSet;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Barrier};

use kcoro_posix::coroutine::{Coroutine, CoroutineResult, Yielder};
use kcoro_posix::platform::{GuardKind, Platform};
use kcoro_posix::stack::{RawStack, STACK_ALIGN, Stack, StackError};
use kcoro_posix::{GuardPolicy, GuardedStack, Posix};

/// The kinds of guard that this kernel has.
fn kinds() -> impl Iterator<Item = GuardPolicy> {
    let kinds = [GuardPolicy::Auto, GuardPolicy::MadviseGuard, GuardPolicy::Mprotect, GuardPolicy::Canary];
    kinds.into_iter().filter(|&kind| {
        let got = posix(kind).allocate_stacks(16 << 10, &mut [None]);
        // Only the kernel's own guards may be missing.
        assert!(got == Ok(1) || kind == GuardPolicy::MadviseGuard && matches!(got, Err(StackError::Unsupported(_))));
        got.is_ok()
    })
}

fn posix(guard: GuardPolicy) -> Posix {
    Posix::builder().guard(guard).on_warning(|warning| panic!("{warning}")).build()
}

fn allocate(posix: &Posix, size_bytes: usize, count: usize) -> Vec<RawStack> {
    let mut stacks = Vec::with_capacity(count);
    while stacks.len() < count {
        let mut batch = [const { None }; 64];
        let want = (count - stacks.len()).min(batch.len());
        let got = posix.allocate_stacks(size_bytes, &mut batch[..want]).unwrap();
        assert!((1..=want).contains(&got));
        stacks.extend(batch.into_iter().take(got).map(|stack| stack.expect("the front is filled")));
    }
    stacks
}

fn free(posix: &Posix, stacks: impl IntoIterator<Item = RawStack>) {
    for stack in stacks {
        // SAFETY: the tests run nothing on their stacks and keep no pointer.
        unsafe { posix.free_stack(stack) };
    }
}

fn page_bytes() -> usize {
    // SAFETY: only asks.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Whether a byte can be read: the kernel reads it for a pipe and says so instead of faulting.
fn is_readable(address: usize) -> bool {
    let (_reader, writer) = std::io::pipe().unwrap();
    // SAFETY: the kernel checks the address.
    unsafe { libc::write(writer.as_raw_fd(), core::ptr::without_provenance(address), 1) == 1 }
}

#[test]
fn stacks_are_as_large_as_asked_apart_aligned_and_writable() {
    for guard in kinds() {
        let posix = posix(guard);
        for size_bytes in [16 << 10, (16 << 10) + 1, 100_000, 256 << 10] {
            let stacks = allocate(&posix, size_bytes, 130);
            let mut ranges: Vec<_> = stacks.iter().map(|s| (s.limit().addr().get(), s.top().addr().get())).collect();
            ranges.sort_unstable();
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "{guard:?}");
            for stack in &stacks {
                assert!(stack.size_bytes() >= size_bytes);
                assert_eq!(stack.top().addr().get() % STACK_ALIGN, 0);
                // SAFETY: the stack is ours.
                unsafe {
                    stack.limit().write_volatile(1);
                    stack.top().sub(1).write_volatile(2);
                }
            }
            free(&posix, stacks);
        }
    }
}

#[test]
fn every_stack_has_a_guard_below_it_and_keeps_it_when_trimmed_and_reused() {
    for guard in kinds().filter(|&kind| kind != GuardPolicy::Canary) {
        let posix = posix(guard);
        assert_eq!(posix.guard_kind(), GuardKind::Page);
        let mut seen = HashSet::new();
        for _ in 0..3 {
            let stacks = allocate(&posix, 32 << 10, 200);
            for stack in &stacks {
                seen.insert(stack.limit());
                // SAFETY: nothing runs on it.
                unsafe { posix.trim_stack(stack) };
                let limit = stack.limit().addr().get();
                assert!(is_readable(limit), "{guard:?}");
                assert!(!is_readable(limit - 1), "{guard:?}");
                assert!(!is_readable(limit - page_bytes()), "{guard:?}");
            }
            free(&posix, stacks);
        }
        assert_eq!(seen.len(), 200, "stacks were not reused");
    }
}

#[test]
fn the_stack_that_came_back_last_goes_out_first() {
    let posix = posix(GuardPolicy::Auto);
    let mut stacks = allocate(&posix, 64 << 10, 3);
    let limits: Vec<_> = stacks.iter().map(RawStack::limit).collect();
    free(&posix, stacks.drain(..));
    let again: Vec<_> = allocate(&posix, 64 << 10, 3).iter().map(RawStack::limit).collect();
    assert!(again.iter().eq(limits.iter().rev()));
}

#[test]
fn neighbouring_tops_do_not_share_cache_sets() {
    let posix = posix(GuardPolicy::Auto);
    let stacks = allocate(&posix, 256 << 10, 64);
    let sets: HashSet<_> = stacks.iter().map(|stack| stack.top().addr().get() % page_bytes() / 64).collect();
    assert!(sets.len() > 40, "64 tops fall into {} sets", sets.len());
}

#[test]
fn trimming_gives_the_memory_back_and_keeps_the_mapping() {
    for guard in kinds() {
        let posix = posix(guard);
        let stack = allocate(&posix, 256 << 10, 1).pop().unwrap();
        // SAFETY: the stack is ours.
        unsafe { core::ptr::write_bytes(stack.limit().as_ptr(), 0xa5, stack.size_bytes()) };
        assert_eq!(posix.stack_high_water_bytes(&stack), Some(stack.size_bytes()));
        // SAFETY: nothing runs on it.
        unsafe { posix.trim_stack(&stack) };
        assert_eq!(posix.stack_high_water_bytes(&stack), None, "{guard:?}");
        // SAFETY: the stack is ours; fresh memory reads as zero.
        assert_eq!(unsafe { stack.top().sub(1).read_volatile() }, 0);
        // A canary would be checked here, and must have survived.
        free(&posix, [stack]);
    }
}

#[test]
fn the_high_water_mark_is_exact_to_the_page() {
    let posix = posix(GuardPolicy::Auto);
    let stack = allocate(&posix, 8 << 20, 1).pop().unwrap();
    assert_eq!(posix.stack_high_water_bytes(&stack), None);
    for depth_bytes in [1, 1000, 5000, 100_000, 6 << 20] {
        // SAFETY: the byte lies on our stack.
        unsafe { stack.top().sub(depth_bytes).write_volatile(1) };
        let mark_bytes = posix.stack_high_water_bytes(&stack).unwrap();
        assert!((depth_bytes..depth_bytes + page_bytes()).contains(&mark_bytes), "{depth_bytes} as {mark_bytes}");
    }
    free(&posix, [stack]);
}

#[test]
fn sizes_out_of_range_are_typed_errors() {
    let posix = posix(GuardPolicy::Auto);
    let limits = posix.stack_limits();
    let mut out = [None];
    for size_bytes in [0, 1, limits.min_bytes - 1] {
        let error = StackError::TooSmall { size_bytes, min_bytes: limits.min_bytes };
        assert_eq!(posix.allocate_stacks(size_bytes, &mut out), Err(error));
    }
    for size_bytes in [limits.max_bytes + 1, usize::MAX - 4096, usize::MAX] {
        let error = StackError::TooLarge { size_bytes, max_bytes: limits.max_bytes };
        assert_eq!(posix.allocate_stacks(size_bytes, &mut out), Err(error));
    }
    for size_bytes in [limits.min_bytes, limits.default_bytes, limits.max_bytes] {
        let stacks = allocate(&posix, size_bytes, 2);
        assert!(stacks.iter().all(|stack| stack.size_bytes() >= size_bytes));
        free(&posix, stacks);
    }
}

#[test]
fn a_stack_outlives_the_platform_that_made_it_until_it_is_freed() {
    for guard in kinds() {
        let posix = posix(guard);
        let mut stacks = allocate(&posix, 16 << 10, 100);
        let kept = stacks.pop().unwrap();
        free(&posix, stacks);
        drop(posix);
        // SAFETY: it was not freed.
        unsafe { kept.limit().write_volatile(7) };
        assert!(is_readable(kept.limit().addr().get()));
    }
}

#[test]
fn the_memory_of_a_dropped_platform_is_unmapped() {
    let posix = posix(GuardPolicy::Auto);
    let stacks = allocate(&posix, 512 << 20, 1);
    let limit = stacks[0].limit().addr().get();
    free(&posix, stacks);
    assert!(is_readable(limit));
    drop(posix);
    assert!(!is_readable(limit));
}

#[test]
fn a_coroutine_runs_on_a_standalone_stack_and_gives_it_back() {
    let mut limits = HashSet::new();
    for _ in 0..10 {
        let stack = GuardedStack::new(32 << 10).unwrap();
        limits.insert(stack.limit());
        assert!(!is_readable(stack.limit().addr().get() - 1));
        let mut coroutine = Coroutine::new(stack, |yielder: &Yielder<u64, u64>, first| {
            let frame = std::hint::black_box([first; 2_000]);
            yielder.suspend(frame[7]) + frame[1_999]
        });
        assert_eq!(coroutine.resume(3), CoroutineResult::Yield(3));
        assert_eq!(coroutine.resume(4), CoroutineResult::Return(7));
    }
    assert_eq!(limits.len(), 1, "the stack was not reused");
}

#[test]
fn a_standalone_stack_tells_how_much_was_used() {
    let stack = GuardedStack::new(2 << 20).unwrap();
    assert_eq!(stack.high_water_bytes(), None);
    // SAFETY: the byte lies on our stack.
    unsafe { stack.top().sub(10_000).write_volatile(1) };
    assert!((10_000..10_000 + page_bytes()).contains(&stack.high_water_bytes().unwrap()));
    assert!(matches!(GuardedStack::new(usize::MAX), Err(StackError::TooLarge { .. })));
    assert!(matches!(GuardedStack::new(0), Err(StackError::TooSmall { .. })));
}

/// Each thread marks its stacks and must find its marks: no stack has two owners.
#[test]
fn threads_never_share_a_stack() {
    const THREADS: usize = 4;
    let posix = Arc::new(posix(GuardPolicy::Auto));
    let start = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS as u8)
        .map(|mark| {
            let (posix, start) = (posix.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                for round in 0..200 {
                    let stacks = allocate(&posix, 16 << 10, 1 + round % 90);
                    for stack in &stacks {
                        // SAFETY: the stack is this thread's.
                        unsafe { stack.top().sub(1).write_volatile(mark) };
                    }
                    std::thread::yield_now();
                    for stack in &stacks {
                        // SAFETY: as above.
                        assert_eq!(unsafe { stack.top().sub(1).read_volatile() }, mark);
                    }
                    free(&posix, stacks);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
