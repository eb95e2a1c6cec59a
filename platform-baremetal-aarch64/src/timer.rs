// SPDX-License-Identifier: BSD-3-Clause
//! The virtual timer: the clock of all cores, and an alarm for each. There is no tick: an alarm is set for a sleep only.
#![cfg_attr(target_os = "none", expect(unsafe_code, reason = "reads and writes the timer's registers"))]

const NS_PER_SECOND: u64 = 1_000_000_000;

/// How many nanoseconds `ticks` of a counter are, rounded down. No product overflows below 18 GHz.
fn to_ns(ticks: u64, frequency_hz: u64) -> u64 {
    let (seconds, rest) = (ticks / frequency_hz, ticks % frequency_hz);
    seconds.saturating_mul(NS_PER_SECOND).saturating_add(rest * NS_PER_SECOND / frequency_hz)
}

/// The first count at which so many nanoseconds have passed.
fn to_ticks(ns: u64, frequency_hz: u64) -> u64 {
    let (seconds, rest) = (ns / NS_PER_SECOND, ns % NS_PER_SECOND);
    seconds.saturating_mul(frequency_hz).saturating_add((rest * frequency_hz).div_ceil(NS_PER_SECOND))
}

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod hardware {
    use core::arch::asm;

    use super::{to_ns, to_ticks};

    const ENABLED: u64 = 1;
    const DUE: u64 = 4;

    /// What the firmware says: the counter's ticks in a second.
    pub(crate) fn frequency_hz() -> u64 {
        let frequency;
        // SAFETY: copies a register.
        unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nomem, nostack, preserves_flags)) };
        frequency
    }

    /// Nanoseconds since the counter began, the same on all cores.
    pub(crate) fn now_ns() -> u64 {
        let ticks;
        // SAFETY: copies a register. `isb`: it is not read earlier than what the program did before. Not `nomem`, so that
        // two readings keep their order.
        unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack, preserves_flags)) };
        to_ns(ticks, frequency_hz())
    }

    /// Lets the timer interrupt this core at `deadline_ns`, or at once if that has passed.
    pub(crate) fn arm(deadline_ns: u64) {
        let ticks = to_ticks(deadline_ns, frequency_hz());
        // SAFETY: at worst an interrupt comes that nobody waits for.
        unsafe {
            asm!(
                "msr cntv_cval_el0, {ticks}",
                "msr cntv_ctl_el0, {enabled}",
                "isb",
                ticks = in(reg) ticks,
                enabled = in(reg) ENABLED,
                options(nostack, preserves_flags),
            );
        }
    }

    /// The timer interrupts this core no more. Whether its time had come.
    pub(crate) fn disarm() -> bool {
        let control: u64;
        // SAFETY: turns off what `arm` has turned on, if anything.
        unsafe {
            asm!(
                "mrs {}, cntv_ctl_el0",
                "msr cntv_ctl_el0, xzr",
                "isb",
                out(reg) control,
                options(nostack, preserves_flags),
            );
        }
        control & (ENABLED | DUE) == ENABLED | DUE
    }
}

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
pub(crate) use hardware::{arm, disarm, frequency_hz, now_ns};

#[cfg(test)]
mod tests {
    use super::{to_ns, to_ticks};

    /// QEMU's two, and those of boards.
    const FREQUENCIES: [u64; 5] = [62_500_000, 1_000_000_000, 19_200_000, 24_000_000, 54_000_000];

    #[test]
    fn at_the_tick_of_a_deadline_the_clock_has_reached_it_and_a_tick_before_it_has_not() {
        for frequency in FREQUENCIES {
            for deadline in [1, 15, 16, 17, 999_999_999, 1_000_000_000, 1_000_000_001, 86_400_000_000_001] {
                let ticks = to_ticks(deadline, frequency);
                assert!(to_ns(ticks, frequency) >= deadline, "{deadline} ns at {frequency} Hz");
                assert!(to_ns(ticks - 1, frequency) < deadline, "{deadline} ns at {frequency} Hz");
            }
        }
    }

    #[test]
    fn no_deadline_is_too_far() {
        for frequency in FREQUENCIES {
            assert!(to_ticks(u64::MAX, frequency) >= u64::MAX / 1_000_000_000 * frequency.min(1_000_000_000));
            assert!(to_ns(u64::MAX, frequency) > u64::MAX / 2);
        }
    }
}
