// SPDX-License-Identifier: BSD-3-Clause
//! Sending and receiving as arms of a select.
//!
//! Node and slot lie in the arm, which is pinned while it is queued. A winner touches them under the channel's lock only,
//! and an arm takes that lock before it goes, as a future does.
#![expect(unsafe_code, reason = "pinned arms whose nodes are queued")]

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomPinned;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::pin::Pin;

use super::core::{NotSelected, NotSent, Shared, wake_if};
use super::error::{RecvError, SendError, TryRecvError};
use super::fixed::StaticChannel;
#[cfg(feature = "alloc")]
use super::{Receiver, Sender};
use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Ticket};
use crate::wait::queue::Node;

/// What both arms keep of a select.
struct Waiting {
    node: UnsafeCell<Option<Node>>,
    progress: Progress,
    _pinned: PhantomPinned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// In no select, or lost in one.
    Idle,
    Queued,
    /// The operation has been carried out: the value is in the slot, or gone from it.
    Done,
    Closed,
    /// The result has been taken.
    Over,
}

// SAFETY: the node is touched by the arm's owner and, under the channel's lock, by winners.
unsafe impl Send for Waiting {}
// SAFETY: a shared arm gives no access.
unsafe impl Sync for Waiting {}

impl Waiting {
    const fn new() -> Self {
        Self { node: UnsafeCell::new(None), progress: Progress::Idle, _pinned: PhantomPinned }
    }

    /// Makes the node for a new wait; push it under the lock.
    fn prepare(&mut self, ticket: &Ticket<'_>, slot: *mut ()) -> *const Node {
        let node = ticket.node(slot);
        self.node.get_mut().insert(node)
    }

    fn node(&self) -> *const Node {
        // SAFETY: a reference that does not outlive the statement; winners touch the node's cells only.
        unsafe { &*self.node.get() }.as_ref().map_or(core::ptr::null(), |node| node)
    }

    fn won(&mut self, how: Ended) {
        self.progress = if how == Ended::Event { Progress::Done } else { Progress::Closed };
    }

    /// How it ended, once.
    fn take(&mut self) -> Progress {
        core::mem::replace(&mut self.progress, Progress::Over)
    }
}

/// See [`Receiver::recv_arm`].
#[must_use = "an arm does nothing until it is part of a select"]
pub struct RecvArm<'a, T> {
    channel: &'a Shared<T>,
    waiting: Waiting,
    slot: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the slot is written by the winner and read by the owner; both may be on any thread if `T` is `Send`.
unsafe impl<T: Send> Send for RecvArm<'_, T> {}
// SAFETY: a shared arm gives no access.
unsafe impl<T: Send> Sync for RecvArm<'_, T> {}

#[cfg(feature = "alloc")]
impl<T> Receiver<T> {
    /// Receiving from this channel as an arm of a select.
    pub fn recv_arm(&self) -> RecvArm<'_, T> {
        RecvArm::new(self.shared())
    }
}

impl<T, const N: usize> StaticChannel<T, N> {
    /// Receiving from this channel as an arm of a select.
    pub fn recv_arm(&'static self) -> RecvArm<'static, T> {
        RecvArm::new(self.shared())
    }

    /// Sending `value` into this channel as an arm of a select.
    pub fn send_arm(&'static self, value: T) -> SendArm<'static, T> {
        SendArm::new(self.shared(), value)
    }
}

impl<'a, T> RecvArm<'a, T> {
    fn new(channel: &'a Shared<T>) -> Self {
        Self { channel, waiting: Waiting::new(), slot: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    fn inside(self: Pin<&mut Self>) -> &mut Self {
        // SAFETY: nothing is moved out of the arm; the value in its slot is not pinned.
        unsafe { self.get_unchecked_mut() }
    }

    /// Notes a value that was received.
    fn keep(&mut self, value: T) {
        self.slot.get_mut().write(value);
        self.waiting.progress = Progress::Done;
    }
}

// SAFETY: what is queued is taken out by `lost` and by the drop, and a value that was received and is not taken goes back.
unsafe impl<T> Arm for RecvArm<'_, T> {
    type Output = Result<T, RecvError>;

    const REPORTS: Reports = Reports::Errors;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        let this = self.inside();
        let received = this.channel.state.lock().receive(this.channel.capacity);
        match received {
            Ok((value, wake)) => {
                this.keep(value);
                wake_if(wake);
            }
            Err(TryRecvError::Closed) => this.waiting.progress = Progress::Closed,
            Err(TryRecvError::Empty) => return false,
        }
        true
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        let this = self.inside();
        let node = this.waiting.prepare(ticket, this.slot.get().cast());
        let mut state = this.channel.state.lock();
        let received = state.receive_for(ticket.own(), this.channel.capacity);
        if let Err(NotSelected::Not(TryRecvError::Empty)) = received {
            // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is won.
            unsafe { state.receivers.push(node) };
            state.tally.note(|stats| stats.receive_waits += 1);
            this.waiting.progress = Progress::Queued;
            return Registered::Waits;
        }
        drop(state);
        match received {
            Ok((value, wake)) => {
                this.keep(value);
                wake_if(wake);
            }
            Err(NotSelected::OwnIsOver) => return Registered::Over,
            Err(NotSelected::Not(_)) => this.waiting.progress = Progress::Closed,
        }
        Registered::Completed
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        let this = self.inside();
        this.channel.renew_handle(this.waiting.node(), ticket.handle());
    }

    fn won(self: Pin<&mut Self>, how: Ended) {
        self.inside().waiting.won(how);
    }

    fn lost(self: Pin<&mut Self>) {
        self.inside().unqueue();
    }

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        let this = self.inside();
        match this.waiting.take() {
            // SAFETY: the value was written before the operation counted as done, and is taken once.
            Progress::Done => Ok(unsafe { this.slot.get_mut().assume_init_read() }),
            _ => Err(RecvError::Closed),
        }
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        Err(match why {
            WaitError::Cancelled => RecvError::Cancelled,
            WaitError::CannotWait(why) => RecvError::CannotWait(why),
        })
    }
}

impl<T> RecvArm<'_, T> {
    fn unqueue(&mut self) {
        if self.waiting.progress == Progress::Queued {
            // SAFETY: the node was queued as a receiver.
            unsafe { self.channel.unqueue_receiver(self.waiting.node()) };
            self.waiting.progress = Progress::Idle;
        }
    }
}

impl<T> Drop for RecvArm<'_, T> {
    fn drop(&mut self) {
        self.unqueue();
        if self.waiting.take() == Progress::Done {
            // It was received and nobody took it: the value goes to the next in line.
            // SAFETY: as in `finish`.
            self.channel.give_back(unsafe { self.slot.get_mut().assume_init_read() });
        }
    }
}

/// See [`Sender::send_arm`].
#[must_use = "an arm does nothing until it is part of a select"]
pub struct SendArm<'a, T> {
    channel: &'a Shared<T>,
    waiting: Waiting,
    /// There until it is sent or handed back.
    value: UnsafeCell<ManuallyDrop<T>>,
}

// SAFETY: the value is read by the winner or by the owner; both may be on any thread if `T` is `Send`.
unsafe impl<T: Send> Send for SendArm<'_, T> {}
// SAFETY: a shared arm gives no access.
unsafe impl<T: Send> Sync for SendArm<'_, T> {}

#[cfg(feature = "alloc")]
impl<T> Sender<T> {
    /// Sending `value` into this channel as an arm of a select. If the select chooses another one, the value stays in the
    /// arm: it can be part of the next select, or be asked for its [value](SendArm::take_value).
    ///
    /// ```
    /// use core::pin::pin;
    /// use kcoro_core::channel::bounded;
    /// use kcoro_core::select;
    ///
    /// let (tx, _rx) = bounded(1);
    /// tx.send("first").unwrap();
    /// let mut second = pin!(tx.send_arm("second"));
    /// select! {
    ///     arm(second.as_mut()) -> sent => unreachable!("the channel is full: {sent:?}"),
    ///     default => {}
    /// }
    /// assert_eq!(second.take_value(), Some("second"));
    /// ```
    pub fn send_arm(&self, value: T) -> SendArm<'_, T> {
        SendArm::new(self.shared(), value)
    }
}

impl<'a, T> SendArm<'a, T> {
    fn new(channel: &'a Shared<T>, value: T) -> Self {
        Self { channel, waiting: Waiting::new(), value: UnsafeCell::new(ManuallyDrop::new(value)) }
    }

    fn inside(self: Pin<&mut Self>) -> &mut Self {
        // SAFETY: nothing that is pinned is moved out of the arm; the value is not.
        unsafe { self.get_unchecked_mut() }
    }

    /// Takes the value out, unless it has been sent or taken before.
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.inside().take()
    }

    fn take(&mut self) -> Option<T> {
        self.unqueue();
        match self.waiting.take() {
            Progress::Done | Progress::Over => None,
            // SAFETY: it has not been sent, and is taken once.
            _ => Some(unsafe { ManuallyDrop::take(self.value.get_mut()) }),
        }
    }

    fn unqueue(&mut self) {
        if self.waiting.progress == Progress::Queued {
            // SAFETY: the node was queued as a sender.
            unsafe { self.channel.unqueue_sender(self.waiting.node()) };
            self.waiting.progress = Progress::Idle;
        }
    }

    /// # Panics
    ///
    /// The value is gone.
    fn check(&self) {
        assert!(self.waiting.progress != Progress::Over, "an arm that has sent its value is in a select again");
    }
}

// SAFETY: what is queued is taken out by `lost` and by the drop; a value that was not sent is dropped with the arm.
unsafe impl<T> Arm for SendArm<'_, T> {
    type Output = Result<(), SendError<T>>;

    const REPORTS: Reports = Reports::Errors;

    fn try_complete(self: Pin<&mut Self>) -> bool {
        let this = self.inside();
        this.check();
        // Said before: a hook that panics over the value has got it.
        this.waiting.progress = Progress::Done;
        this.waiting.progress = match this.channel.send_now(this.value.get().cast_const().cast()) {
            Ok(()) => return true,
            Err((_, NotSent::Closed)) => Progress::Closed,
            Err(_) => Progress::Idle,
        };
        this.waiting.progress == Progress::Closed
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        let this = self.inside();
        let node = this.waiting.prepare(ticket, this.value.get().cast());
        loop {
            let mut state = this.channel.state.lock();
            match state.send_for(ticket.own(), this.value.get().cast_const().cast(), this.channel.capacity) {
                Ok(wake) => {
                    drop(state);
                    this.waiting.progress = Progress::Done;
                    wake_if(wake);
                    return Registered::Completed;
                }
                Err(NotSelected::Not(NotSent::Full)) => {
                    // SAFETY: the arm is pinned, and takes the node out in `lost` or when it is dropped, unless it is won.
                    unsafe { state.senders.push(node) };
                    state.tally.note(|stats| stats.send_waits += 1);
                    this.waiting.progress = Progress::Queued;
                    return Registered::Waits;
                }
                Err(NotSelected::Not(NotSent::Overflows)) => {
                    this.waiting.progress = Progress::Done;
                    this.channel.overflow(state, this.value.get().cast_const().cast());
                    return Registered::Completed;
                }
                Err(NotSelected::Not(NotSent::MustGrow { slots })) => {
                    drop(state);
                    this.channel.grow(slots);
                }
                Err(NotSelected::Not(NotSent::Closed)) => {
                    this.waiting.progress = Progress::Closed;
                    return Registered::Completed;
                }
                Err(NotSelected::OwnIsOver) => return Registered::Over,
            }
        }
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        let this = self.inside();
        this.channel.renew_handle(this.waiting.node(), ticket.handle());
    }

    fn won(self: Pin<&mut Self>, how: Ended) {
        self.inside().waiting.won(how);
    }

    fn lost(self: Pin<&mut Self>) {
        self.inside().unqueue();
    }

    fn finish(self: Pin<&mut Self>) -> Self::Output {
        let this = self.inside();
        match this.take() {
            None => Ok(()),
            Some(value) => Err(SendError::Closed(value)),
        }
    }

    fn refuse(self: Pin<&mut Self>, why: WaitError) -> Self::Output {
        let this = self.inside();
        this.check();
        match (this.take(), why) {
            (Some(value), WaitError::Cancelled) => Err(SendError::Cancelled(value)),
            (Some(value), WaitError::CannotWait(why)) => Err(SendError::CannotWait(value, why)),
            (None, _) => Ok(()),
        }
    }
}

impl<T> Drop for SendArm<'_, T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> fmt::Debug for RecvArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvArm").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SendArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendArm").finish_non_exhaustive()
    }
}
