// SPDX-License-Identifier: BSD-3-Clause
//! The operating system's monotonic clock.
#![expect(unsafe_code, reason = "reads the clock through libc, which std does as well but hides the number")]

/// `CLOCK_MONOTONIC` in nanoseconds. Never blocks; on Linux it is read without a system call.
pub(crate) fn now_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec to write to, and every POSIX system has this clock, so the call cannot fail.
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
