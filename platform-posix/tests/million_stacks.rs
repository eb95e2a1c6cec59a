// SPDX-License-Identifier: BSD-3-Clause
//! One million guarded stacks at the kernel's default limit of mappings. A test of its own, since it counts the mappings
//! of the process.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "gives stacks back and probes guards")]

use std::os::fd::AsRawFd;
use std::time::Instant;

use kcoro_posix::Posix;
use kcoro_posix::platform::{GuardKind, Platform};

const STACKS: usize = 1_000_000;

fn mappings() -> usize {
    std::fs::read("/proc/self/maps").unwrap().iter().filter(|&&byte| byte == b'\n').count()
}

fn is_readable(writer: &impl AsRawFd, address: usize) -> bool {
    // SAFETY: the kernel checks the address and says so instead of faulting.
    unsafe { libc::write(writer.as_raw_fd(), core::ptr::without_provenance(address), 1) == 1 }
}

#[test]
fn a_million_guarded_stacks_take_less_than_a_thousand_mappings() {
    let posix = Posix::builder().on_warning(|warning| panic!("{warning}")).build();
    let default_bytes = posix.stack_limits().default_bytes;
    let start = Instant::now();
    let mut stacks = Vec::with_capacity(STACKS);
    while stacks.len() < STACKS {
        let mut batch = [const { None }; 64];
        let got = posix.allocate_stacks(default_bytes, &mut batch).unwrap();
        stacks.extend(batch.into_iter().take(got).flatten());
    }
    let each_ns = start.elapsed().as_nanos() / stacks.len() as u128;
    let mappings = mappings();
    std::eprintln!("{} stacks, {each_ns} ns each, {mappings} mappings", stacks.len());
    if posix.guard_kind() != GuardKind::Page {
        // Without kernel guards (before Linux 6.13) a million guarded stacks cannot be had.
        return;
    }
    assert!(mappings < 1_000, "{mappings} mappings");
    let (_reader, writer) = std::io::pipe().unwrap();
    for stack in stacks.iter().step_by(1_000) {
        let limit = stack.limit().addr().get();
        assert!(is_readable(&writer, limit) && !is_readable(&writer, limit - 1));
    }
    for stack in stacks {
        // SAFETY: nothing runs on it.
        unsafe { posix.free_stack(stack) };
    }
}
