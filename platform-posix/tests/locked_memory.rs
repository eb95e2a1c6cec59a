// SPDX-License-Identifier: BSD-3-Clause
//! Locked memory refuses the kernel's own guards. A test of its own, since locking concerns the whole process.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "locks memory and probes guards")]

use std::os::fd::AsRawFd;

use kcoro_posix::platform::{GuardKind, Platform};
use kcoro_posix::stack::StackError;
use kcoro_posix::{GuardPolicy, Posix};

#[test]
fn stacks_in_locked_memory_are_guarded_by_protected_pages() {
    // SAFETY: locks what this process maps from now on.
    if unsafe { libc::mlockall(libc::MCL_FUTURE) } != 0 {
        // Without the right to lock memory no one can get into this case.
        return;
    }
    let mut out = [const { None }; 10];
    let only_madvise = Posix::builder().guard(GuardPolicy::MadviseGuard).build();
    let refused = only_madvise.allocate_stacks(16 << 10, &mut out);
    assert!(matches!(refused, Err(StackError::Unsupported(_))), "{refused:?}");

    let posix = Posix::builder().on_warning(|warning| panic!("{warning}")).build();
    assert_eq!(posix.allocate_stacks(16 << 10, &mut out), Ok(10));
    assert_eq!(posix.guard_kind(), GuardKind::Page);
    let (_reader, writer) = std::io::pipe().unwrap();
    for stack in out.into_iter().flatten() {
        let below = core::ptr::without_provenance(stack.limit().addr().get() - 1);
        // SAFETY: the kernel checks the address and says so instead of faulting.
        assert_eq!(unsafe { libc::write(writer.as_raw_fd(), below, 1) }, -1, "the guard can be read");
    }
}
