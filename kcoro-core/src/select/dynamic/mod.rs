// SPDX-License-Identifier: BSD-3-Clause
//! [`Select`]: as many arms as there are at run time, which stay registered between the waits.
//!
//! | file | what it holds |
//! |---|---|
//! | `adding` | arms that come and go |
//! | `call` | what each call begins and ends with |
//! | `entry` | one arm, and what is made of its results |
//! | `seat` | what the nodes of all arms lead to, whoever waits |
//! | `waiting` | looking at arms, waiting, and what is left registered |
//! | `awaiting` | the same in async code |
//! | `ready` | waiting until an arm is ready, without carrying it out |

mod adding;
mod awaiting;
mod call;
mod entry;
mod ready;
mod seat;
mod waiting;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

pub use self::awaiting::WaitAsync;
use self::entry::{Entry, Lasts};
use self::seat::Seat;
use super::engine::{Order, Patience, Verdict};
use crate::wait::WaitError;

/// A set of arms from which one is selected again and again; arms are added and removed between.
///
/// Each arm has a function that makes an `O` of its result, so arms of different types are one set. As
/// [`select!`](crate::select!), of several arms that are ready it takes one at random, and waiting is a cancellation point.
///
/// ```
/// use kcoro_core::channel::{Receiver, bounded};
/// use kcoro_core::select::Select;
///
/// let channels: Vec<_> = (0..100).map(|_| bounded(1)).collect();
/// let mut select = Select::new();
/// let arms: Vec<_> = channels.iter().map(|(_, rx)| select.recv(rx, |value| value.ok())).collect();
/// channels[42].0.send("found").unwrap();
/// assert_eq!(select.wait(), Ok((arms[42], Some("found"))));
/// assert_eq!(select.try_select(), None);
/// ```
///
/// # What it costs
///
/// A call looks at the arms of which something may have changed since the last call, and at no other: at new ones, at the one
/// that was chosen last, and at those with which something has happened meanwhile. The others stay registered where they are,
/// and their channels are not even locked. So waiting for the next of ten thousand costs no more than for the next of ten. There
/// can be a million arms.
///
/// Arms of channels, joins and tokens stay registered. [`after_arm`](super::after_arm), [`cancelled_arm`](super::cancelled_arm),
/// arms by reference and those of other crates that do not say that they [stay](super::Arm::STAYS) are registered anew for each wait.
///
/// # What it is to others
///
/// While it does not wait it is no waiter, though it is in the queues: who comes upon it there serves the next one, and leaves a
/// hint, with which the set looks at that arm again. While it waits it is served in the order in which its arms were registered,
/// as any other waiter, and an arm that has been served, or that was come upon in vain, registers anew at the end of its queue.
/// So a set that waits again and again takes no more turns than others do.
///
/// It can be moved to, and wait in, another coroutine of the same worker between the calls. Dropping it takes all its arms out
/// of their queues; forgetting it leaks them, and does no other harm.
///
/// If a foreign waker panics while an arm is tried, the panic goes on to the caller, and that arm is removed.
pub struct Select<'a, O> {
    /// By their places, which do not change: they are what a claim names, and what nodes are stamped with.
    entries: Vec<Option<Entry<'a, O>>>,
    vacant: Vec<usize>,
    /// The places of the arms that are not registered: to be looked at before it waits.
    due: VecDeque<usize>,
    /// The places of the arms that do not stay registered when a wait is over.
    passing: Vec<usize>,
    next_serial: u64,
    order: Order,
    seat: Option<Seat>,
    progress: Progress,
    /// The place of the arm that is being tried or registered.
    trying: Option<usize>,
    /// An arm that was carried out and whose result nobody has taken, because the call unwound.
    kept: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// No wait is under way, and what the claim says is of an earlier one.
    Idle,
    Waits,
    /// A wait for readiness is under way.
    Watches,
}

/// Which arm of a [`Select`]. It is not used for another one after the arm is gone. Of two the one that was added first is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmId {
    serial: u64,
    place: u32,
}

impl<'a, O: 'a> Select<'a, O> {
    /// How many arms there can be: what a waiter's claim can name.
    pub const MOST_ARMS: usize = 1 << 20;

    /// A fair set without arms.
    pub fn new() -> Self {
        Self::with_order(Order::Fair)
    }

    /// A set without arms. [`Order::Biased`] prefers the arm that was added first.
    pub fn with_order(order: Order) -> Self {
        Self {
            entries: Vec::new(),
            vacant: Vec::new(),
            due: VecDeque::new(),
            passing: Vec::new(),
            next_serial: 0,
            order,
            seat: None,
            progress: Progress::Idle,
            trying: None,
            kept: None,
        }
    }

    /// How many arms there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.vacant.len()
    }

    /// Whether there are no arms.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until one of the arms is carried out. Without arms it waits for a cancel.
    ///
    /// # Errors
    ///
    /// The coroutine is cancelled, or the caller cannot wait. All arms are as they were. (An arm made by
    /// [`cancelled_arm`](super::cancelled_arm) is carried out instead.)
    pub fn wait(&mut self) -> Result<(ArmId, O), WaitError> {
        Ok(self.select(Patience::Endless)?.expect("a wait without a limit ends with an arm"))
    }

    /// As [`Select::wait`], for at most `limit`; `None` if no arm was ready in time.
    ///
    /// # Errors
    ///
    /// As [`Select::wait`].
    pub fn wait_timeout(&mut self, limit: Duration) -> Result<Option<(ArmId, O)>, WaitError> {
        self.select(Patience::AtMost(limit))
    }

    /// Carries one of the arms out if that needs no wait. Never a cancellation point.
    pub fn try_select(&mut self) -> Option<(ArmId, O)> {
        self.select(Patience::None).unwrap_or(None)
    }

    fn select(&mut self, patience: Patience) -> Result<Option<(ArmId, O)>, WaitError> {
        match self.call(patience) {
            Verdict::Refused(why) => Err(why),
            Verdict::NotReady => Ok(None),
            Verdict::Arm(place) => Ok(Some(self.finish(place))),
        }
    }

    pub(super) fn finish(&mut self, place: usize) -> (ArmId, O) {
        let entry = self.entry(place);
        if entry.arm.lasts() == Lasts::UntilRemoved {
            return (entry.id, entry.arm.as_mut().finish());
        }
        let mut entry = self.take_out(place);
        (entry.id, entry.arm.as_mut().finish())
    }
}

impl<O> Drop for Select<'_, O> {
    fn drop(&mut self) {
        self.give_up();
        // Also those that are not dropped with the set, because they are there by reference.
        let registered = self.entries.iter_mut().flatten().filter(|entry| !entry.is_due);
        registered.for_each(|entry| entry.arm.as_mut().lost());
    }
}

impl<'a, O: 'a> Default for Select<'a, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> fmt::Debug for Select<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arms = self.entries.len() - self.vacant.len();
        f.debug_struct("Select").field("arms", &arms).field("order", &self.order).finish_non_exhaustive()
    }
}
