// SPDX-License-Identifier: BSD-3-Clause
//! Who handles the interrupt of which device.
//!
//! A place is given away once. Its handler is stored before the interrupt is let in, so whoever finds the number finds the
//! handler.
#![expect(unsafe_code, reason = "keeps functions in atomics")]

use core::fmt;
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use spin::Mutex;

use crate::cores::Core;
use crate::gic::{self, Trigger};
use crate::machine::Machine;

/// Why the interrupt of a device cannot be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The machine has no interrupt of this number that is a device's.
    NoSuchInterrupt(u32),
    /// It has a handler already.
    Taken(u32),
    /// So many devices have handlers that there is no place for another.
    NoPlace,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchInterrupt(number) => write!(f, "no device has interrupt {number}"),
            Self::Taken(number) => write!(f, "interrupt {number} has a handler already"),
            Self::NoPlace => write!(f, "{PLACES} devices have handlers, which is all there is place for"),
        }
    }
}

impl core::error::Error for AttachError {}

const PLACES: usize = 16;

struct Place {
    /// 0, which is no device's, for none.
    number: AtomicU32,
    handler: AtomicPtr<()>,
}

static HANDLERS: [Place; PLACES] =
    [const { Place { number: AtomicU32::new(0), handler: AtomicPtr::new(ptr::null_mut()) } }; PLACES];

/// Held by who gives a place away; never by a handler.
static GIVING: Mutex<()> = Mutex::new(());

impl Machine {
    /// From now on `handler` runs, with the number, when the device that has interrupt `number` signals. It runs on the
    /// calling core, for good. The numbers of devices begin at 32; a device tree counts them from there.
    ///
    /// What a handler may do is said at [`Doorbell::set_handler`](crate::Doorbell::set_handler). Where the device signals by a
    /// level, the handler makes it stop, or it runs again at once.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(&self, number: u32, trigger: Trigger, handler: fn(u32)) -> Result<(), AttachError> {
        if !gic::get().has_shared(number) {
            return Err(AttachError::NoSuchInterrupt(number));
        }
        let _giving = GIVING.lock();
        if HANDLERS.iter().any(|place| place.number.load(Ordering::Relaxed) == number) {
            return Err(AttachError::Taken(number));
        }
        let place = HANDLERS.iter().find(|place| place.number.load(Ordering::Relaxed) == 0).ok_or(AttachError::NoPlace)?;
        place.handler.store(handler as *mut (), Ordering::Relaxed);
        // Release: who finds the number finds the handler, and what it uses.
        place.number.store(number, Ordering::Release);
        gic::get().enable_shared(number, trigger, Core::current());
        Ok(())
    }
}

/// What to do about interrupt `number`, if it is a device's that has a handler.
pub(crate) fn handler(number: u32) -> Option<fn(u32)> {
    // Acquire: pairs with `attach`. 0 is what one core sends another, and is not asked about.
    let place = HANDLERS.iter().find(|place| place.number.load(Ordering::Acquire) == number)?;
    let handler = place.handler.load(Ordering::Relaxed);
    // SAFETY: stored by `attach`, before the number.
    Some(unsafe { mem::transmute::<*mut (), fn(u32)>(handler) })
}
