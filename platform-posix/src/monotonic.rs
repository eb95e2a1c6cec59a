// SPDX-License-Identifier: BSD-3-Clause
//! The monotonic clock, as the core's plain threads read it, and its relation to the kernel's.

pub(crate) use kcoro_core::platform::system_clock::now_ns;

/// The reading of the kernel's `CLOCK_MONOTONIC` at which [`now_ns`] reads `ns`, or a moment later: never earlier.
#[cfg(target_os = "linux")]
pub(crate) fn kernel_ns(ns: u64) -> u64 {
    use std::sync::OnceLock;

    static OFFSET_NS: OnceLock<u64> = OnceLock::new();
    // Both count the same seconds from different zeros. Read in this order, the difference is at least the true one.
    let offset_ns = OFFSET_NS.get_or_init(|| {
        let core_ns = now_ns();
        read_kernel_ns().wrapping_sub(core_ns)
    });
    // The offset may be negative, a wrapped number; a deadline that is for ever stays for ever.
    if ns > u64::MAX / 2 { u64::MAX } else { ns.wrapping_add(*offset_ns) }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std reads this clock, but hides the number")]
fn read_kernel_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec to write to, and every Linux has this clock, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    // Both parts of a monotonic reading are positive, and 584 years of nanoseconds fit.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::now_ns;

    #[test]
    fn readings_never_run_backwards_and_advance() {
        let first = now_ns();
        let mut last = first;
        for _ in 0..100_000 {
            let now = now_ns();
            assert!(now >= last);
            last = now;
        }
        assert!(last > first);
    }
}
