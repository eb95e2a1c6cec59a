// SPDX-License-Identifier: BSD-3-Clause
//! What decides a coroutine's level of cancellation, beside a cancel of the whole: the regions of its code that obey a
//! token, and the shields that keep off what lies around them.
//!
//! ```text
//!   innermost                                               outermost
//!   region C ----- shield ----- region B ----- region A ----- (a cancel of the whole: in the claim)
//!   counts         keeps off everything outward of it
//! ```
//!
//! The sources of a coroutine form a list in the order in which they were entered, under one lock. Whoever cancels a region
//! holds that lock while it sets the level, and so does who enters or leaves: so a cancel is never lost to a region that is
//! left, and never gets past a shield.
//!
//! Mostly they are entered and left by the coroutine itself, the last first. A primitive coroutine that is suspended inside
//! of a region can be carried off and resumed elsewhere: then a source is left from the middle of the list, by somebody
//! else, perhaps when its coroutine has ended. All of this is sound, because a source keeps its coroutine's header.
#![expect(unsafe_code, reason = "a list of sources that lie in the frames which they stand for")]

use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::claim::{Claim, Level, Won};
use crate::primitive::SpinLock;
use crate::primitive::atomic::{AtomicPtr, Ordering};
use crate::util::list::{Links, List, Listed};

/// What a source is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Code that obeys a token.
    Region,
    /// The whole coroutine obeys a token, from its spawn on.
    Spawn,
    /// Code that nothing outward of it cancels.
    Shield,
}

/// One region or shield. All of it is used under the lock of its coroutine's [`Sources`].
pub(crate) struct Source {
    kind: Kind,
    links: Links<Source>,
    is_cancelled: Cell<bool>,
    /// How many shields there are outward of it.
    shields_around: Cell<usize>,
}

impl Source {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self { kind, links: Links::new(), is_cancelled: Cell::new(false), shields_around: Cell::new(0) }
    }
}

// SAFETY: the links are a field of their own that only the list touches.
unsafe impl Listed for Source {
    fn links(this: NonNull<Self>) -> NonNull<Links<Self>> {
        // SAFETY: a listed source is live.
        unsafe { NonNull::new_unchecked(&raw mut (*this.as_ptr()).links) }
    }
}

/// See the [module](self).
pub(crate) struct Sources {
    /// Written under the lock. A coroutine that finds null, where only it could have entered one, needs no lock.
    innermost: AtomicPtr<Source>,
    entered: SpinLock<Entered>,
}

struct Entered {
    /// The innermost first.
    list: List<Source>,
    shields: usize,
}

impl Sources {
    pub(crate) fn new() -> Self {
        let entered = SpinLock::new(Entered { list: List::new(), shields: 0 });
        Self { innermost: AtomicPtr::new(ptr::null_mut()), entered }
    }

    /// The caller is the coroutine of `claim`, which enters `source`, or has not started.
    ///
    /// # Safety
    ///
    /// `source` is on no list and stays in place until it has been left.
    pub(crate) unsafe fn enter(&self, claim: &Claim, source: NonNull<Source>) {
        let mut entered = self.entered.lock();
        // SAFETY: the caller's promise: it is live.
        let kind = unsafe { source.as_ref() }.kind;
        // SAFETY: as above.
        unsafe { source.as_ref() }.shields_around.set(entered.shields);
        // SAFETY: forwarded.
        unsafe { entered.list.push_front(source) };
        self.innermost.store(source.as_ptr(), Ordering::Relaxed);
        if kind == Kind::Shield {
            entered.shields += 1;
            // Nothing waits that this could end: the level only falls.
            let _ = claim.set_level(entered.level());
        }
    }

    /// `source` ends, wherever it is on the list; if the coroutine has left it before, nothing happens. Returns what the new
    /// level won: only a coroutine that somebody else leaves a shield of can be waiting.
    ///
    /// # Safety
    ///
    /// `source` is live, and was entered here.
    pub(crate) unsafe fn leave(&self, claim: &Claim, source: NonNull<Source>) -> Option<Won> {
        let mut entered = self.entered.lock();
        // SAFETY: forwarded.
        let level_changes = unsafe { entered.strike(source) }?;
        self.note_innermost(&entered);
        if level_changes { claim.set_level(entered.level()) } else { None }
    }

    /// The token of `source` has been cancelled.
    ///
    /// # Safety
    ///
    /// `source` is live, and was entered here.
    pub(crate) unsafe fn cancel(&self, claim: &Claim, source: NonNull<Source>) -> Option<Won> {
        let entered = self.entered.lock();
        // SAFETY: the caller's promise.
        let region = unsafe { source.as_ref() };
        // SAFETY: as above.
        if !unsafe { entered.list.has(source) } || region.is_cancelled.replace(true) {
            return None;
        }
        if region.shields_around.get() == entered.shields { claim.request_cancel_of_region() } else { None }
    }

    /// The coroutine's body has ended: what somebody carried off from it, and may still leave, has no say any more. What it
    /// was spawned with has.
    pub(crate) fn end_of_body(&self, claim: &Claim) {
        // Relaxed: only we, the coroutine, enter anything.
        if !self.innermost.load(Ordering::Relaxed).is_null() {
            self.strike_all(claim);
        }
    }

    #[cold]
    fn strike_all(&self, claim: &Claim) {
        let mut entered = self.entered.lock();
        while let Some(source) = entered.list.first() {
            // SAFETY: entered sources are live.
            if unsafe { source.as_ref() }.kind == Kind::Spawn {
                break;
            }
            // SAFETY: as above.
            let _ = unsafe { entered.strike(source) };
        }
        self.note_innermost(&entered);
        // It runs, so it waits for nothing that this could end.
        let _ = claim.set_level(entered.level());
    }

    /// Calls `f` with the innermost region that has been cancelled and that no shield keeps off.
    pub(crate) fn with_cancelled<R>(&self, f: impl FnOnce(NonNull<Source>) -> R) -> Option<R> {
        let entered = self.entered.lock();
        entered.innermost_cancelled().map(f)
    }

    fn note_innermost(&self, entered: &Entered) {
        self.innermost.store(entered.list.first().map_or(ptr::null_mut(), NonNull::as_ptr), Ordering::Relaxed);
    }
}

impl Entered {
    /// Takes `source` off the list. Says whether the level may have changed; nothing if it was not there.
    ///
    /// # Safety
    ///
    /// `source` is live, and was entered here.
    unsafe fn strike(&mut self, source: NonNull<Source>) -> Option<bool> {
        // SAFETY: the caller's promise.
        let gone = unsafe { source.as_ref() };
        if gone.kind == Kind::Shield {
            // SAFETY: as above.
            unsafe { self.count_one_shield_less(source) };
        }
        // SAFETY: as above.
        let was_listed = unsafe { self.list.remove(source) };
        was_listed.then_some(gone.kind == Kind::Shield || gone.is_cancelled.get())
    }

    /// # Safety
    ///
    /// As [`Entered::strike`]; `shield` is one.
    unsafe fn count_one_shield_less(&mut self, shield: NonNull<Source>) {
        // SAFETY: the caller's promise.
        if !unsafe { self.list.has(shield) } {
            return;
        }
        self.shields -= 1;
        let mut next = self.list.first();
        while let Some(inward) = next
            && inward != shield
        {
            // SAFETY: sources on the list are live.
            unsafe {
                let around = &inward.as_ref().shields_around;
                around.set(around.get() - 1);
                next = self.list.after(inward);
            }
        }
    }

    fn innermost_cancelled(&self) -> Option<NonNull<Source>> {
        let mut next = self.list.first();
        while let Some(source) = next {
            // SAFETY: sources on the list are live.
            let (one, after) = unsafe { (source.as_ref(), self.list.after(source)) };
            if one.kind == Kind::Shield {
                return None;
            }
            if one.is_cancelled.get() {
                return Some(source);
            }
            next = after;
        }
        None
    }

    fn level(&self) -> Level {
        Level { is_shielded: self.shields > 0, is_region_cancelled: self.innermost_cancelled().is_some() }
    }
}
