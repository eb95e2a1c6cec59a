// SPDX-License-Identifier: BSD-3-Clause
//! Shadow stacks (CET on x86_64, GCS on aarch64, Zicfiss on riscv64): the processor keeps a second copy of the return
//! addresses and faults when a return does not match it.
//!
//! A coroutine would need a shadow stack of its own, which is not supported yet. Stacks and workers are refused then, in
//! place of a crash at the first switch.
#![cfg_attr(all(target_os = "linux", not(miri)), expect(unsafe_code, reason = "asks the kernel by raw system calls"))]

use std::sync::OnceLock;

const REFUSAL: &str = "this process runs with hardware shadow stacks, which coroutines do not support yet; run it with \
                       GLIBC_TUNABLES=glibc.cpu.hwcaps=-SHSTK, or link it without shadow-stack marking";

/// An error text when the process has shadow stacks. The C library turns them on before `main` or never, so that one
/// look is enough.
pub(crate) fn refuse_if_enabled() -> Result<(), &'static str> {
    static ENABLED: OnceLock<bool> = OnceLock::new();
    verdict(*ENABLED.get_or_init(|| is_enabled(status())))
}

fn verdict(enabled: bool) -> Result<(), &'static str> {
    if enabled { Err(REFUSAL) } else { Ok(()) }
}

/// Bit 0 says "on" in the answers of all three architectures; no answer means a kernel without them.
fn is_enabled(status: Option<u64>) -> bool {
    status.is_some_and(|features| features & 1 != 0)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
fn status() -> Option<u64> {
    const ARCH_SHSTK_STATUS: libc::c_int = 0x5005;
    let mut features = 0u64;
    // SAFETY: the kernel writes at most this one word; kernels without the request refuse it.
    let result = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SHSTK_STATUS, &raw mut features) };
    (result == 0).then_some(features)
}

#[cfg(all(target_os = "linux", any(target_arch = "aarch64", target_arch = "riscv64"), not(miri)))]
fn status() -> Option<u64> {
    const PR_GET_SHADOW_STACK_STATUS: libc::c_int = 74;
    let mut features = 0u64;
    // SAFETY: as on x86_64.
    let result = unsafe { libc::prctl(PR_GET_SHADOW_STACK_STATUS, &raw mut features, 0, 0, 0) };
    (result == 0).then_some(features)
}

#[cfg(any(
    miri,
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))
))]
fn status() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::{is_enabled, refuse_if_enabled, status, verdict};

    #[test]
    fn an_enabled_shadow_stack_is_refused_and_nothing_else_is() {
        assert!(verdict(is_enabled(Some(1))).is_err());
        assert!(verdict(is_enabled(Some(3))).is_err());
        assert_eq!(verdict(is_enabled(Some(0))), Ok(()));
        assert_eq!(verdict(is_enabled(None)), Ok(()));
    }

    #[test]
    fn this_process_is_judged_by_what_the_kernel_says() {
        assert_eq!(refuse_if_enabled().is_err(), is_enabled(status()));
    }
}
