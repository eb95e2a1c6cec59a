// SPDX-License-Identifier: BSD-3-Clause
//! Interrupts that cores send each other, and what a program does with them.
#![expect(unsafe_code, reason = "keeps functions in atomics")]

use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::cores::CORES;
use crate::machine::Machine;
use crate::{boot, gic};

/// An interrupt that one core sends another, or itself. There are 15; the sixteenth is what wakes cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doorbell(u32);

const FIRST: u32 = gic::WAKE + 1;
const COUNT: usize = 15;

/// What is done when one rings, on whatever core; null for those that nobody has set.
static HANDLERS: [AtomicPtr<()>; COUNT] = [const { AtomicPtr::new(ptr::null_mut()) }; COUNT];

impl Doorbell {
    /// Doorbell `number`, from 0 to 14.
    ///
    /// # Panics
    ///
    /// When there is no such doorbell.
    pub const fn new(number: usize) -> Self {
        assert!(number < COUNT, "there are 15 doorbells");
        Self(FIRST + number as u32)
    }

    /// From now on `handler` runs when this rings, on the core that it rings at, in place of the handler before.
    ///
    /// A handler runs with interrupts masked, on the exception stack of 16 KiB. It may wake: `unpark`, `Waker::wake`,
    /// `Event::set`, `Semaphore::release`, `try_send` into a bounded channel. It must not allocate, drop what others own, or
    /// write to the UART; and what would wait is refused.
    pub fn set_handler(self, handler: fn()) {
        // Release: what the handler uses is visible where it runs.
        HANDLERS[(self.0 - FIRST) as usize].store(handler as *mut (), Ordering::Release);
    }
}

impl Machine {
    /// Interrupts core `core`: its handler for `doorbell` runs, once it does not mask interrupts. Several rings before that may
    /// count as one. On a core that no worker has started yet nothing happens before it starts.
    ///
    /// # Panics
    ///
    /// When the program does not use that core.
    pub fn ring(&self, core: usize, doorbell: Doorbell) {
        assert!(core < boot::core_count(), "core {core} of {}", boot::core_count());
        gic::get().send(&CORES[core], doorbell.0);
    }
}

/// What to do about interrupt `number`, if it is a doorbell that has a handler.
pub(crate) fn handler(number: u32) -> Option<fn()> {
    let place = HANDLERS.get(number.checked_sub(FIRST)? as usize)?;
    // Acquire: pairs with `set_handler`.
    let handler = place.load(Ordering::Acquire);
    // SAFETY: not null, so it is a function that `set_handler` has stored.
    (!handler.is_null()).then(|| unsafe { mem::transmute::<*mut (), fn()>(handler) })
}
