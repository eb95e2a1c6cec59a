// SPDX-License-Identifier: BSD-3-Clause
//! [`Select`]: as many arms as there are at run time.
#![expect(unsafe_code, reason = "projects a pinned arm out of its box")]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::pin::Pin;
use core::time::Duration;

use super::arms::{AnyArm, Slot};
use super::engine::{Order, Patience, Verdict, select};
use crate::channel::{Receiver, RecvError, SendError, Sender};
use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Ticket};

/// A set of arms from which one is selected again and again; arms are added and removed between.
///
/// Each arm has a function that makes an `O` of its result, so arms of different types are one set. As
/// [`select!`](crate::select!), of several arms that are ready it takes one at random, and waiting is a cancellation point. A
/// wait costs time that is linear in the number of arms; there can be a million of them.
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
pub struct Select<'a, O> {
    arms: Vec<Entry<'a, O>>,
    next_id: u64,
    order: Order,
}

/// Which arm of a [`Select`]. It is not used for another one after the arm is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmId(u64);

struct Entry<'a, O> {
    id: ArmId,
    arm: Pin<Box<dyn MappedArm<O> + 'a>>,
}

/// An arm whose result is made an `O`.
trait MappedArm<O>: AnyArm {
    /// Whether the arm can be carried out again.
    fn is_lasting(&self) -> bool;
    fn finish(self: Pin<&mut Self>) -> O;
    fn refuse(self: Pin<&mut Self>, why: WaitError) -> O;
}

struct Mapped<A, F> {
    arm: A,
    map: F,
    lasts: Lasts,
}

/// How often an arm can be carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasts {
    Once,
    UntilRemoved,
}

impl<A, F> Mapped<A, F> {
    fn arm(self: Pin<&mut Self>) -> Pin<&mut A> {
        // SAFETY: the arm is pinned as a field.
        unsafe { self.map_unchecked_mut(|mapped| &mut mapped.arm) }
    }

    fn map(self: Pin<&mut Self>) -> &mut F {
        // SAFETY: the function is not pinned, and nothing else is moved.
        unsafe { &mut self.get_unchecked_mut().map }
    }
}

impl<A: Arm, F> AnyArm for Mapped<A, F> {
    fn reports(&self) -> Reports {
        A::REPORTS
    }

    fn try_complete(self: Pin<&mut Self>) -> bool {
        Arm::try_complete(self.arm())
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        Arm::register(self.arm(), ticket)
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        Arm::renew(self.arm(), ticket);
    }

    fn won(self: Pin<&mut Self>, how: Ended) {
        Arm::won(self.arm(), how);
    }

    fn lost(self: Pin<&mut Self>) {
        Arm::lost(self.arm());
    }

    fn limit(&self) -> Option<Duration> {
        Arm::limit(&self.arm)
    }
}

impl<O, A: Arm, F: FnMut(A::Output) -> O> MappedArm<O> for Mapped<A, F> {
    fn is_lasting(&self) -> bool {
        self.lasts == Lasts::UntilRemoved
    }

    fn finish(mut self: Pin<&mut Self>) -> O {
        let result = self.as_mut().arm().finish();
        (self.map())(result)
    }

    fn refuse(mut self: Pin<&mut Self>, why: WaitError) -> O {
        let result = self.as_mut().arm().refuse(why);
        (self.map())(result)
    }
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
        Self { arms: Vec::new(), next_id: 0, order }
    }

    /// Adds an arm, which stays until it is removed; `map` makes an `O` of each of its results.
    ///
    /// The arm must be one that can be carried out again and again. Those that the handles of channels make for receiving
    /// are.
    ///
    /// # Panics
    ///
    /// There are [`MOST_ARMS`](Self::MOST_ARMS) already.
    pub fn add<A: Arm + 'a>(&mut self, arm: A, map: impl FnMut(A::Output) -> O + 'a) -> ArmId {
        self.push(Mapped { arm, map, lasts: Lasts::UntilRemoved })
    }

    /// Adds an arm that is carried out once, and removed then.
    ///
    /// # Panics
    ///
    /// As [`Select::add`].
    pub fn add_once<A: Arm + 'a>(&mut self, arm: A, map: impl FnOnce(A::Output) -> O + 'a) -> ArmId {
        let mut map = Some(map);
        let map = move |result| map.take().expect("it is carried out once")(result);
        self.push(Mapped { arm, map, lasts: Lasts::Once })
    }

    /// Adds receiving from `receiver`, which stays until it is removed: also when the channel is closed, which is its result
    /// then, each time.
    ///
    /// # Panics
    ///
    /// As [`Select::add`].
    pub fn recv<T: 'a>(&mut self, receiver: &'a Receiver<T>, map: impl FnMut(Result<T, RecvError>) -> O + 'a) -> ArmId {
        self.add(receiver.recv_arm(), map)
    }

    /// Adds sending `value` once. If the arm is removed before, `map` gets the value back.
    ///
    /// # Panics
    ///
    /// As [`Select::add`].
    pub fn send<T: 'a>(
        &mut self,
        sender: &'a Sender<T>,
        value: T,
        map: impl FnOnce(Result<(), SendError<T>>) -> O + 'a,
    ) -> ArmId {
        self.add_once(sender.send_arm(value), map)
    }

    fn push(&mut self, arm: impl MappedArm<O> + 'a) -> ArmId {
        assert!(self.arms.len() < Self::MOST_ARMS, "a select has {} arms at most", Self::MOST_ARMS);
        let id = ArmId(self.next_id);
        self.next_id += 1;
        self.arms.push(Entry { id, arm: Box::pin(arm) });
        id
    }

    /// Removes an arm. Its function gets the result of an operation that was cancelled, for a send with the value in it, and
    /// what it makes of that is returned. `None` if the arm is gone already.
    ///
    /// ```
    /// use kcoro_core::channel::{SendError, rendezvous};
    /// use kcoro_core::select::Select;
    ///
    /// let (tx, _rx) = rendezvous();
    /// let mut select = Select::new();
    /// let arm = select.send(&tx, "value", |sent| sent.map_err(SendError::into_inner));
    /// assert_eq!(select.try_select(), None);
    /// assert_eq!(select.remove(arm), Some(Err("value")));
    /// assert_eq!(select.remove(arm), None);
    /// ```
    pub fn remove(&mut self, arm: ArmId) -> Option<O> {
        let mut entry = self.arms.remove(self.place_of(arm)?);
        Some(entry.arm.as_mut().refuse(WaitError::Cancelled))
    }

    fn place_of(&self, arm: ArmId) -> Option<usize> {
        self.arms.binary_search_by_key(&arm, |entry| entry.id).ok()
    }

    /// How many arms there are.
    pub fn len(&self) -> usize {
        self.arms.len()
    }

    /// Whether there are no arms.
    pub fn is_empty(&self) -> bool {
        self.arms.is_empty()
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
        let mut slots: Vec<Slot<'_>> = (self.arms.iter_mut().enumerate())
            .map(|(place, entry)| (place, entry.arm.as_mut() as Pin<&mut (dyn AnyArm + '_)>))
            .collect();
        let verdict = select(&mut slots, self.order, patience);
        drop(slots);
        match verdict {
            Verdict::Refused(why) => Err(why),
            Verdict::NotReady => Ok(None),
            Verdict::Arm(place) => Ok(Some(self.finish(place))),
        }
    }

    fn finish(&mut self, place: usize) -> (ArmId, O) {
        let entry = &mut self.arms[place];
        if entry.arm.is_lasting() {
            return (entry.id, entry.arm.as_mut().finish());
        }
        let mut entry = self.arms.remove(place);
        (entry.id, entry.arm.as_mut().finish())
    }
}

impl<'a, O: 'a> Default for Select<'a, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> fmt::Debug for Select<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("arms", &self.arms.len()).field("order", &self.order).finish_non_exhaustive()
    }
}
