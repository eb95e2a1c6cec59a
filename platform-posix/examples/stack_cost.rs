// SPDX-License-Identifier: BSD-3-Clause
//! What a stack costs with each kind of guard: nanoseconds per stack in batches of 64: fresh, returned and taken again, trimmed.
//!
//! Run it with `cargo run --release -p kcoro-posix --example stack_cost`.
#![expect(unsafe_code, reason = "gives stacks back")]

use std::time::Instant;

use kcoro_posix::platform::Platform;
use kcoro_posix::stack::RawStack;
use kcoro_posix::{GuardPolicy, Posix};

const STACKS: usize = 12_800;
const BATCH: usize = 64;

fn main() {
    println!("{:>14} {:>9} {:>14} {:>9}   ns per stack", "guard", "fresh", "free and reuse", "trim");
    for guard in [GuardPolicy::MadviseGuard, GuardPolicy::Mprotect, GuardPolicy::Canary] {
        // The first round warms the kernel's own caches up.
        for _ in 0..3 {
            measure(guard);
        }
    }
}

fn measure(guard: GuardPolicy) {
    let posix = Posix::builder().guard(guard).build();
    let mut stacks = Vec::with_capacity(STACKS);
    let fresh_ns = each_ns(|| allocate(&posix, &mut stacks));
    for stack in &stacks {
        // SAFETY: the stack is ours.
        unsafe { stack.top().sub(1).write_volatile(1) };
    }
    // SAFETY: nothing runs on it.
    let trim_ns = each_ns(|| stacks.iter().for_each(|stack| unsafe { posix.trim_stack(stack) }));
    let kept = stacks.split_off(BATCH);
    let reuse_ns = each_ns(|| {
        for _ in 0..STACKS / BATCH {
            free(&posix, &mut stacks);
            stacks.extend(batch(&posix));
        }
    });
    println!("{:>14} {fresh_ns:>9} {reuse_ns:>14} {trim_ns:>9}", format!("{guard:?}"));
    stacks.extend(kept);
    free(&posix, &mut stacks);
}

fn batch(posix: &Posix) -> impl Iterator<Item = RawStack> {
    let mut batch = [const { None }; BATCH];
    posix.allocate_stacks(256 << 10, &mut batch).expect("memory for stacks");
    batch.into_iter().flatten()
}

fn allocate(posix: &Posix, stacks: &mut Vec<RawStack>) {
    while stacks.len() < STACKS {
        stacks.extend(batch(posix));
    }
}

fn free(posix: &Posix, stacks: &mut Vec<RawStack>) {
    for stack in stacks.drain(..) {
        // SAFETY: nothing runs on it.
        unsafe { posix.free_stack(stack) };
    }
}

fn each_ns(work: impl FnOnce()) -> u128 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() / STACKS as u128
}
