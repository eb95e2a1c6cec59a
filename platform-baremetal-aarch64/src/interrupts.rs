// SPDX-License-Identifier: BSD-3-Clause
//! What is done with an interrupt. Handlers run with interrupts masked, on the core's exception stack, one after the other.

use core::sync::atomic::{AtomicUsize, Ordering};

use kcoro_core::platform::ambient::in_interrupt;

use crate::cores::Core;
use crate::exit::{ExitCode, die};
use crate::{doorbells, gic, timer};

/// Handles all that is pending on this core.
pub(crate) fn handle() {
    in_interrupt(|| {
        let (gic, core) = (gic::get(), Core::current());
        let first = gic.acknowledge();
        let Some(mut number) = first.number() else { return count(&core.counts.spurious) };
        let mut interrupt = first;
        loop {
            if number == gic.timer_interrupt() {
                // It has ended a sleep by coming. The worker looks at its timers.
                timer::silence();
                count(&core.counts.timer);
            } else if number == gic::WAKE {
                count(&core.counts.wakes);
            } else if let Some(handler) = doorbells::handler(number) {
                handler();
            } else {
                die(ExitCode::FAULT, format_args!("kcoro: core {}: interrupt {number} has no handler", core.index));
            }
            gic.end(interrupt);
            interrupt = gic.acknowledge();
            match interrupt.number() {
                Some(next) => number = next,
                None => return,
            }
        }
    });
}

fn count(counter: &AtomicUsize) {
    // Relaxed: a number to look at. Only this core adds to it.
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}
