// SPDX-License-Identifier: BSD-3-Clause
//! The lock under [`Mutex`](super::Mutex), without the value: one word for who need not wait, a queue for who must.
//!
//! # Fairness
//!
//! To hand the lock over at each release would be the fairest, and the slowest: from then until the next in line runs,
//! nobody can use the lock, and everyone who comes meanwhile has to queue, too. The queue never empties again, and each
//! tenure costs a switch or, between threads, the wake of a thread (a *convoy*). To let whoever is there take it can make
//! one wait for ever. So:
//!
//! - A release frees the lock and wakes the first in line, who tries again. Until that one runs, whoever comes may take it.
//! - If the one that was woken then finds it taken, it goes back to the front of the line, and the next release hands it
//!   over.
//!
//! Hence the waiters get the lock in the order in which they came, and each is overtaken at most between its wake and its
//! next turn to run.
//!
//! # The word
//!
//! | value | meaning |
//! |---|---|
//! | 0 | free |
//! | `HELD` | held; a release has nobody to look after |
//! | `HELD + WAITERS` | held; a release takes the slow way |
//!
//! `WAITERS` is set and cleared under the lock of the queue only. It is clear, though somebody waits, while one that was
//! woken is on its way: that one sets it, in whatever way its try ends. Only the holder clears `HELD`.
#![expect(unsafe_code, reason = "queues nodes and reads the turns that their slots point to")]

use core::cell::Cell;

use super::const_unless_loom;
use crate::primitive::atomic::{AtomicU32, Ordering};
use crate::primitive::{SpinGuard, SpinLock};
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::{SyncId, WaitsFor};
use crate::wait::Limit;
use crate::wait::queue::{Node, WaitQueue};
use crate::wait::turn::{Ended, Turn, charge, wait_charged};
use crate::wait::turn_future::TurnFuture;
use crate::wait::wake::Wake;

const FREE: u32 = 0;
const HELD: u32 = 1;
const WAITERS: u32 = 2;

/// See the [module](self).
pub(super) struct RawMutex {
    word: AtomicU32,
    waiters: SpinLock<Waiters>,
}

pub(super) struct Waiters {
    queue: WaitQueue,
    /// One has been woken to try again and has not done so yet.
    woken: bool,
    /// The first in line has been overtaken since it was woken.
    hand_over: bool,
}

impl RawMutex {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            let waiters = Waiters { queue: WaitQueue::new(), woken: false, hand_over: false };
            Self { word: AtomicU32::new(FREE), waiters: SpinLock::new(waiters) }
        }
    }

    #[inline]
    pub(super) fn try_lock(&self) -> bool {
        // Acquire: what the last holder wrote before its Release is visible to us.
        self.word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    pub(super) fn lock(&self, accepts: Accepts, limit: Limit) -> Result<(), Ended> {
        charge(accepts)?;
        if self.try_lock() { Ok(()) } else { self.lock_slowly(accepts, limit) }
    }

    #[cold]
    fn lock_slowly(&self, accepts: Accepts, limit: Limit) -> Result<(), Ended> {
        wait_charged(&LockTurn::new(self), accepts, limit)
    }

    pub(super) fn lock_async(&self) -> TurnFuture<LockTurn<'_>> {
        TurnFuture::new(LockTurn::new(self))
    }

    /// Gives the lock back. The caller holds it.
    #[inline]
    pub(super) fn unlock(&self) {
        // Release: what the holder wrote is visible to the next one.
        if self.word.compare_exchange(HELD, FREE, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_slowly();
        }
    }

    #[cold]
    fn unlock_slowly(&self) {
        let mut waiters = self.waiters.lock();
        let wake = if core::mem::take(&mut waiters.hand_over)
            && let Some(wake) = waiters.win_first(Granted::Lock)
        {
            // It stays held, for the one that is woken: what we wrote becomes visible to it with its claim.
            let word = if waiters.queue.is_empty() { HELD } else { HELD | WAITERS };
            self.word.store(word, Ordering::Relaxed);
            Some(wake)
        } else {
            let wake = if waiters.woken { None } else { waiters.win_first(Granted::Try) };
            waiters.woken |= wake.is_some();
            // Release: as in `unlock`.
            self.word.store(FREE, Ordering::Release);
            wake
        };
        drop(waiters);
        if let Some(wake) = wake {
            wake.wake();
        }
    }

    /// One that was woken to try does not: the next in line is woken in its place, unless a holder will see to that. The lock
    /// is not taken for it, not even for an instant, or a `try_lock` could be refused though nobody holds it.
    fn tell_next(&self) {
        let mut waiters = self.waiters.lock();
        waiters.woken = false;
        let next = if !waiters.queue.is_empty() && self.nobody_sees_to_waiters() {
            waiters.win_first(Granted::Try)
        } else {
            None
        };
        waiters.woken = next.is_some();
        drop(waiters);
        if let Some(wake) = next {
            wake.wake();
        }
    }

    /// Marks the lock, if it is held, so that its release looks after the waiters; says whether it is free. Called under the
    /// lock of the queue.
    fn nobody_sees_to_waiters(&self) -> bool {
        // Relaxed: what it guards is not touched. Who takes the lock right after this has been read as free is found by the
        // one that is woken.
        self.word.compare_exchange(HELD, HELD | WAITERS, Ordering::Relaxed, Ordering::Relaxed) == Err(FREE)
    }

    /// Whether somebody holds it, at one instant.
    pub(super) fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) != FREE
    }

    pub(super) fn id(&self) -> SyncId {
        SyncId::of(self)
    }
}

impl Waiters {
    fn win_first(&mut self, granted: Granted) -> Option<Wake> {
        // SAFETY: the slot of a node in this queue is a `LockTurn`, live and nobody else's while the lock is held.
        self.queue.win_first(Outcome::Event, |turn| unsafe { (*turn.cast::<LockTurn<'_>>()).granted.set(granted) })
    }
}

/// What a waiter was given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Granted {
    /// The lock.
    Lock,
    /// Word that the lock is free.
    Try,
}

/// One who waits for the lock.
pub(super) struct LockTurn<'a> {
    lock: &'a RawMutex,
    granted: Cell<Granted>,
    /// It was woken to try again.
    is_back: Cell<bool>,
}

impl<'a> LockTurn<'a> {
    fn new(lock: &'a RawMutex) -> Self {
        Self { lock, granted: Cell::new(Granted::Try), is_back: Cell::new(false) }
    }
}

// SAFETY: the lock is `Sync`; the cells are written by the winner under the lock of the queue, and by the owner while it is
// not queued. State and queue are the lock's own.
unsafe impl Turn for LockTurn<'_> {
    type State = Waiters;
    type Output = ();

    fn state(&self) -> &SpinLock<Waiters> {
        &self.lock.waiters
    }

    fn queue(state: &mut Waiters) -> &mut WaitQueue {
        &mut state.queue
    }

    fn waits_for(&self) -> WaitsFor {
        WaitsFor::Lock(self.lock.id())
    }

    fn poll(&self, waiters: &mut Waiters) -> Option<()> {
        if self.is_back.get() {
            waiters.woken = false;
        }
        // Others in line need a release that looks after them, unless one of them is on its way.
        let taken = if waiters.queue.is_empty() || waiters.woken { HELD } else { HELD | WAITERS };
        let mut word = self.lock.word.load(Ordering::Relaxed);
        loop {
            let next = match word {
                FREE => taken,
                HELD => HELD | WAITERS,
                _ => return None,
            };
            // Acquire: as in `try_lock`.
            match self.lock.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(FREE) => return Some(()),
                Ok(_) => return None,
                Err(now) => word = now,
            }
        }
    }

    unsafe fn enqueue(&self, waiters: &mut Waiters, node: *const Node) {
        // SAFETY: forwarded.
        unsafe {
            if self.is_back.get() {
                waiters.hand_over = true;
                waiters.queue.push_front(node);
            } else {
                waiters.queue.push(node);
            }
        }
    }

    fn won(&self, _: Outcome) -> Option<()> {
        self.is_back.set(true);
        (self.granted.get() == Granted::Lock).then_some(())
    }

    /// `WAITERS` is set since the poll: the next release serves who is still there.
    fn leave(&self, waiters: SpinGuard<'_, Waiters>) -> Option<()> {
        drop(waiters);
        None
    }

    fn pass_on(&self, outcome: Outcome) {
        match self.won(outcome) {
            Some(()) => self.lock.unlock(),
            None => self.lock.tell_next(),
        }
    }
}
