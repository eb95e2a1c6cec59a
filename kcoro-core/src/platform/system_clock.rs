// SPDX-License-Identifier: BSD-3-Clause
//! The operating system's monotonic clock, as plain threads read it.

use std::sync::OnceLock;
use std::time::Instant;

/// Nanoseconds of [`ClockId::SYSTEM_MONOTONIC`](super::ClockId::SYSTEM_MONOTONIC): since some moment before the first
/// call in this process. A backend whose clock has that identity MUST read it through this function, so that readings of
/// its coroutines and of plain threads can be compared.
pub fn now_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    // One second ahead, so that "a moment ago" is a number, too.
    const HEAD_START_NS: u64 = 1_000_000_000;
    let elapsed = START.get_or_init(Instant::now).elapsed();
    HEAD_START_NS.saturating_add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
}
