// SPDX-License-Identifier: BSD-3-Clause
//! What the pool does when the kernel or the budget refuses, and what it keeps.
#![expect(unsafe_code, reason = "gives stacks back and breaks a canary")]

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

use kcoro_core::platform::GuardKind;
use kcoro_core::stack::{RawStack, StackError};

use super::class_pool::MAX_HOT_SLOTS;
use super::guard::{Method, protected_guards};
use super::layout::{Class, LIMITS};
use super::pool::StackPool;
use super::slot_id::SlotId;
use super::{canary, memory};
use crate::builder::{GuardPolicy, PosixBuilder};

/// Tests that may add protected guards must not see each other's: they are counted for the whole process.
static COUNTING: Mutex<()> = Mutex::new(());

fn take(pool: &StackPool, count: usize) -> Result<Vec<RawStack>, StackError> {
    let mut stacks = Vec::new();
    while stacks.len() < count {
        let mut batch = [const { None }; 64];
        let want = (count - stacks.len()).min(64);
        pool.allocate(LIMITS.min_bytes, &mut batch[..want])?;
        stacks.extend(batch.into_iter().flatten());
    }
    Ok(stacks)
}

fn put_back(pool: &StackPool, stacks: Vec<RawStack>) {
    for stack in stacks {
        // SAFETY: nothing runs on it.
        unsafe { pool.free(&stack) };
    }
}

fn methods(stacks: &[RawStack], method: Method) -> usize {
    stacks.iter().filter(|stack| SlotId::from_token(stack.token()).method() == method).count()
}

#[test]
fn without_kernel_guards_pages_are_protected_up_to_the_budget_then_canaries_warn_once() {
    static WARNINGS: AtomicUsize = AtomicUsize::new(0);
    let _alone = COUNTING.lock().unwrap();
    let builder = PosixBuilder::new().max_protected_guards(100).on_warning(|_| {
        WARNINGS.fetch_add(1, Ordering::Relaxed);
    });
    let pool = StackPool::new(&builder);
    pool.guards().refuse_madvise();
    let first = take(&pool, 100).unwrap();
    assert_eq!(methods(&first, Method::Mprotect), 100);
    assert_eq!((pool.guard_kind(), WARNINGS.load(Ordering::Relaxed)), (GuardKind::Page, 0));
    let second = take(&pool, 100).unwrap();
    assert_eq!(methods(&second, Method::Canary), 100);
    assert_eq!((pool.guard_kind(), WARNINGS.load(Ordering::Relaxed)), (GuardKind::Canary, 1));
    put_back(&pool, first);
    put_back(&pool, second);
    drop(pool);
    assert_eq!(protected_guards(), 0, "the budget did not come back with the mappings");
}

#[test]
fn a_forced_policy_refuses_rather_than_degrades() {
    let _alone = COUNTING.lock().unwrap();
    let builder = PosixBuilder::new().guard(GuardPolicy::Mprotect).max_protected_guards(10);
    let pool = StackPool::new(&builder);
    let ten = take(&pool, 10).unwrap();
    for _ in 0..1_000 {
        assert_eq!(take(&pool, 1), Err(StackError::OutOfMemory { os_code: libc::ENOMEM }));
    }
    // What was refused did not use slots up.
    assert_eq!(pool.lock(Class::for_size(LIMITS.min_bytes).unwrap()).mapped_slots(), 64);
    put_back(&pool, ten);
    put_back(&pool, take(&pool, 10).unwrap());
    drop(pool);
    assert_eq!(protected_guards(), 0);
}

#[test]
fn a_batch_that_is_cut_short_by_a_refusal_keeps_what_it_got() {
    let _alone = COUNTING.lock().unwrap();
    let builder = PosixBuilder::new().guard(GuardPolicy::Mprotect).max_protected_guards(10);
    let pool = StackPool::new(&builder);
    let mut batch = [const { None }; 64];
    assert_eq!(pool.allocate(LIMITS.min_bytes, &mut batch), Ok(10));
    assert_eq!(batch.iter().flatten().count(), 10);
    put_back(&pool, batch.into_iter().flatten().collect());
}

#[test]
fn idle_regions_are_unmapped_beyond_what_is_kept_and_none_that_is_in_use() {
    let _alone = COUNTING.lock().unwrap();
    let pool = StackPool::new(&PosixBuilder::new());
    let mut stacks = take(&pool, 10 * MAX_HOT_SLOTS).unwrap();
    let kept = stacks.split_off(stacks.len() - 1);
    let class = Class::for_size(LIMITS.min_bytes).unwrap();
    let before = pool.lock(class).mapped_slots();
    put_back(&pool, stacks);
    let after = pool.lock(class).mapped_slots();
    assert!(after <= 4 * MAX_HOT_SLOTS && after < before, "{after} of {before} slots are still mapped");
    // SAFETY: it was not given back.
    unsafe { kept[0].limit().write_volatile(1) };
    put_back(&pool, kept);
    // All that is left in the pool still works.
    let again = take(&pool, after).unwrap();
    for stack in &again {
        // SAFETY: the stack is ours.
        unsafe { stack.limit().write_volatile(1) };
    }
    put_back(&pool, again);
}

#[test]
fn beyond_the_hot_ones_returned_stacks_give_their_memory_back() {
    let _alone = COUNTING.lock().unwrap();
    let pool = StackPool::new(&PosixBuilder::new());
    let stacks = take(&pool, MAX_HOT_SLOTS + 10).unwrap();
    let limits: Vec<_> = stacks.iter().map(RawStack::limit).collect();
    for limit in &limits {
        // SAFETY: the stack is ours.
        unsafe { limit.write_volatile(1) };
    }
    put_back(&pool, stacks);
    let resident = |limit| memory::first_resident(limit, LIMITS.min_bytes).is_some();
    assert!(limits[..MAX_HOT_SLOTS].iter().all(|&limit| resident(limit)));
    assert!(!limits[MAX_HOT_SLOTS..].iter().any(|&limit| resident(limit)));
}

#[test]
fn a_canary_notices_any_byte_below_the_limit() {
    let page_bytes = memory::page_bytes();
    let base = memory::map(2 * page_bytes).unwrap();
    // SAFETY: the two pages are this test's own: the canary is in the first, the second is the stack.
    unsafe {
        let limit = base.add(page_bytes);
        canary::write(limit);
        limit.write_bytes(0xff, page_bytes);
        assert!(canary::is_intact(limit));
        for below in [1, 8, 100, 4096] {
            let byte = limit.sub(below);
            byte.write(!byte.read());
            assert!(!canary::is_intact(limit), "{below} bytes below");
            byte.write(!byte.read());
        }
        assert!(canary::is_intact(limit));
        memory::unmap(base, 2 * page_bytes);
    }
}
