// SPDX-License-Identifier: BSD-3-Clause
//! [`Delay`].

use core::hint;

use embedded_hal::delay::DelayNs;
use kcoro_core::sync::{Event, WaitTimeoutError};
use kcoro_core::time::Instant;
use kcoro_core::wait::CannotWait;

use crate::BareMetal;
use crate::cores::Core;
use crate::exit::{ExitCode, die};
use crate::timer::now_ns;

/// Waits for a driver: a short while by looking at the counter, a longer one by parking the coroutine.
///
/// A delay is never short. It is no cancellation point, because a driver that is told to wait for its device must not go on
/// early. Outside of a coroutine, where nothing can park, it looks at the counter throughout.
///
/// A long delay in an interrupt handler, or in a critical section, ends the program with a message: all else on the core would
/// stand still for as long.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    park_from_ns: u32,
}

impl Delay {
    /// From here on parking is worth it. To park, set the timer, switch twice and come back took 10 us under the emulator, in an
    /// optimised build (`qemu/src/bin/drivers.rs` prints it); a delay of less than twice that would give the others little,
    /// and last longer than it should by as much.
    pub const PARK_FROM_NS: u32 = 20_000;

    /// A delay that parks from [`Delay::PARK_FROM_NS`] on.
    pub const fn new() -> Self {
        Self { park_from_ns: Self::PARK_FROM_NS }
    }

    /// A delay that parks from `ns` on, for a core that is much slower or faster.
    pub const fn parking_from_ns(ns: u32) -> Self {
        Self { park_from_ns: ns }
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self::new()
    }
}

impl DelayNs for Delay {
    fn delay_ns(&mut self, ns: u32) {
        let end_ns = now_ns().saturating_add(ns.into());
        if ns >= self.park_from_ns {
            park_until(end_ns, ns);
        }
        while now_ns() < end_ns {
            hint::spin_loop();
        }
    }
}

/// Parks until then, if the caller can.
fn park_until(end_ns: u64, ns: u32) {
    let end = Instant::from_clock(BareMetal::CLOCK, end_ns);
    // Nobody sets this one. Who is outside of coroutines comes back at once, and spins.
    let waited = Event::new().wait_deadline(end);
    if waited == Err(WaitTimeoutError::CannotWait(CannotWait::InInterrupt)) {
        let core = Core::current().index;
        die(ExitCode::FATAL, format_args!("kcoro: core {core}: a delay of {ns} ns in an interrupt handler"));
    }
}
