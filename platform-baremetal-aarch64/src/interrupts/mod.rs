// SPDX-License-Identifier: BSD-3-Clause
//! What is done with an interrupt. Handlers run with interrupts masked, on the core's exception stack, one after the other.

pub(crate) mod handlers;

use kcoro_core::platform::ambient::in_interrupt;

use crate::cores::{Core, add_one};
use crate::exit::{ExitCode, die};
use crate::{doorbells, gic};

/// Handles all that is pending on this core.
pub(crate) fn handle() {
    in_interrupt(|| {
        let (gic, core) = (gic::get(), Core::current());
        let mut interrupt = gic.acknowledge();
        if interrupt.number().is_none() {
            add_one(&core.counts.spurious);
        }
        while let Some(number) = interrupt.number() {
            if number == gic::WAKE {
                add_one(&core.counts.wakes);
            } else if number == gic.timer_interrupt() {
                // Its time came while the sleep was ended by something else.
                add_one(&core.counts.spurious);
            } else if let Some(handler) = doorbells::handler(number) {
                handler();
            } else if let Some(handler) = handlers::handler(number) {
                handler(number);
            } else {
                die(ExitCode::FAULT, format_args!("kcoro: core {}: interrupt {number} has no handler", core.index));
            }
            gic.end(interrupt);
            interrupt = gic.acknowledge();
        }
    });
}
