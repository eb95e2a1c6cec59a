// SPDX-License-Identifier: BSD-3-Clause
//! Sending and receiving from async code.
//!
//! The claim, the queue node and the slot lie in the pinned future. A winner touches them under the channel's lock only,
//! and dropping the future takes that lock, so it never pulls them away from under one. Streams and sinks are made of the
//! same parts.
#![expect(unsafe_code, reason = "pinned futures whose nodes are queued")]

use core::cell::UnsafeCell;
use core::fmt;
use core::future::Future;
use core::marker::PhantomPinned;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::core::{NotSent, Shared};
use super::error::{RecvError, SendError, TryRecvError};
use crate::task::claim::{Accepts, Claim, Generation, Outcome};
use crate::wait::queue::Node;
use crate::wait::wake::WakeHandle;

/// What both futures keep while they wait.
struct Waiting {
    claim: Claim,
    node: UnsafeCell<Option<Node>>,
    progress: Progress,
    _pinned: PhantomPinned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    New,
    Queued,
    Over,
}

// SAFETY: the node is touched by the future's owner and, under the channel's lock, by winners.
unsafe impl Send for Waiting {}
// SAFETY: a shared future gives no access.
unsafe impl Sync for Waiting {}

impl Waiting {
    fn new() -> Self {
        Self { claim: Claim::new(), node: UnsafeCell::new(None), progress: Progress::New, _pinned: PhantomPinned }
    }

    /// Makes the node for a new wait; push it under the lock.
    ///
    /// # Safety
    ///
    /// `self` is pinned, and no earlier node is queued.
    unsafe fn prepare(&mut self, waker: Waker, slot: *mut ()) -> *const Node {
        let generation: Generation = self.claim.begin(Accepts::NOTHING).unwrap_or_else(|_| unreachable!());
        let node = Node::with_claim(&raw const self.claim, WakeHandle::Task(waker), generation, slot);
        self.progress = Progress::Queued;
        self.node.get_mut().insert(node)
    }

    fn node(&self) -> *const Node {
        // SAFETY: a reference that does not outlive the statement; winners touch the node's cells only.
        unsafe { &*self.node.get() }.as_ref().map_or(core::ptr::null(), |node| node)
    }
}

/// A receive that waits in something pinned: a future, or a stream. Whoever holds it knows the channel, and calls
/// [`Receiving::abandon`] before it goes.
pub(super) struct Receiving<T> {
    waiting: Waiting,
    slot: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the slot is written by the winner and read by the owner; both may be on any thread if `T` is `Send`.
unsafe impl<T: Send> Send for Receiving<T> {}
// SAFETY: a shared one gives no access.
unsafe impl<T: Send> Sync for Receiving<T> {}

impl<T> Receiving<T> {
    pub(super) fn new() -> Self {
        Self { waiting: Waiting::new(), slot: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// The result of a wait that has ended.
    ///
    /// # Safety
    ///
    /// The claim was won with `outcome`, and the result has not been taken.
    unsafe fn take(&self, outcome: Outcome) -> Result<T, RecvError> {
        match outcome {
            // SAFETY: the winner wrote the slot before it won.
            Outcome::Event => Ok(unsafe { (*self.slot.get()).assume_init_read() }),
            _ => Err(RecvError::Closed),
        }
    }

    /// Receives, from the same `channel` each time.
    pub(super) fn poll(self: Pin<&mut Self>, channel: &Shared<T>, context: &Context<'_>) -> Poll<Result<T, RecvError>> {
        // SAFETY: nothing is moved out of what is pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // Cloned before the lock: a waker is foreign code.
        let waker = context.waker().clone();
        match this.waiting.progress {
            Progress::Over => panic!("polled after it was ready"),
            Progress::Queued => {
                if let Some(outcome) = channel.renew_waker(this.waiting.node(), &this.waiting.claim, waker) {
                    this.waiting.progress = Progress::Over;
                    // SAFETY: the claim was won, and the result is taken once.
                    return Poll::Ready(unsafe { this.take(outcome) });
                }
                Poll::Pending
            }
            Progress::New => {
                // SAFETY: pinned, and nothing is queued yet.
                let node = unsafe { this.waiting.prepare(waker, this.slot.get().cast()) };
                // SAFETY: the node stays until it is removed, by its winner or by `abandon`.
                match unsafe { channel.recv_or_queue(node) } {
                    Err(TryRecvError::Empty) => Poll::Pending,
                    received => {
                        this.waiting.progress = Progress::Over;
                        Poll::Ready(received.map_err(|_| RecvError::Closed))
                    }
                }
            }
        }
    }

    /// After a receive is over: the next poll begins another.
    #[cfg(feature = "futures")]
    pub(super) fn begin_anew(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved, and nothing is queued when it is over.
        let this = unsafe { self.get_unchecked_mut() };
        debug_assert!(this.waiting.progress == Progress::Over);
        this.waiting.progress = Progress::New;
    }

    /// Ends it: it waits no more, and a value that it has won goes to the next in line.
    pub(super) fn abandon(&mut self, channel: &Shared<T>) {
        if core::mem::replace(&mut self.waiting.progress, Progress::Over) != Progress::Queued {
            return;
        }
        // SAFETY: the node was queued as a receiver.
        unsafe { channel.unqueue_receiver(self.waiting.node()) };
        if let Some((Outcome::Event, _)) = self.waiting.claim.outcome() {
            // SAFETY: the winner wrote the slot, and the value is taken once.
            channel.give_back(unsafe { (*self.slot.get()).assume_init_read() });
        }
    }
}

/// A send that waits in something pinned; see [`Receiving`].
pub(super) struct Sending<T> {
    waiting: Waiting,
    /// There until it is sent or handed back.
    value: UnsafeCell<ManuallyDrop<T>>,
}

// SAFETY: the value is read by the winner or by the owner; both may be on any thread if `T` is `Send`.
unsafe impl<T: Send> Send for Sending<T> {}
// SAFETY: a shared one gives no access.
unsafe impl<T: Send> Sync for Sending<T> {}

impl<T> Sending<T> {
    pub(super) fn new(value: T) -> Self {
        Self { waiting: Waiting::new(), value: UnsafeCell::new(ManuallyDrop::new(value)) }
    }

    /// # Safety
    ///
    /// The value is there, and is not used again.
    unsafe fn take_value(&mut self) -> T {
        // SAFETY: the caller's promise.
        unsafe { ManuallyDrop::take(self.value.get_mut()) }
    }

    /// Sends, into the same `channel` each time.
    pub(super) fn poll(
        self: Pin<&mut Self>,
        channel: &Shared<T>,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        // SAFETY: the value is moved out only when it is handed back; it is not structurally pinned.
        let this = unsafe { self.get_unchecked_mut() };
        let waker = context.waker().clone();
        let outcome = match this.waiting.progress {
            Progress::Over => panic!("polled after it was ready"),
            Progress::Queued => channel.renew_waker(this.waiting.node(), &this.waiting.claim, waker),
            Progress::New => {
                // SAFETY: pinned, and nothing is queued yet.
                let node = unsafe { this.waiting.prepare(waker, this.value.get().cast()) };
                // Should the hook panic, the value has been sent.
                this.waiting.progress = Progress::Over;
                // SAFETY: node and value stay until the node is removed, by its winner or by `abandon`.
                match unsafe { channel.send_or_queue(this.value.get().cast(), node) } {
                    Ok(()) => Some(Outcome::Event),
                    Err(NotSent::Closed) => Some(Outcome::Closed),
                    Err(_) => {
                        this.waiting.progress = Progress::Queued;
                        None
                    }
                }
            }
        };
        let Some(outcome) = outcome else { return Poll::Pending };
        this.waiting.progress = Progress::Over;
        Poll::Ready(match outcome {
            Outcome::Event => Ok(()),
            // SAFETY: nobody took the value, and this is over.
            _ => Err(SendError::Closed(unsafe { this.take_value() })),
        })
    }

    /// Ends it: it waits no more, and a value that has not been sent is dropped.
    pub(super) fn abandon(&mut self, channel: &Shared<T>) {
        match core::mem::replace(&mut self.waiting.progress, Progress::Over) {
            Progress::Over => return,
            Progress::New => {}
            Progress::Queued => {
                // SAFETY: the node was queued as a sender.
                unsafe { channel.unqueue_sender(self.waiting.node()) };
                if let Some((Outcome::Event, _)) = self.waiting.claim.outcome() {
                    return;
                }
            }
        }
        // SAFETY: the value was not sent, and this is over.
        drop(unsafe { self.take_value() });
    }
}

/// See [`recv_async`](super::Receiver::recv_async).
#[must_use = "a future does nothing until it is awaited"]
pub struct RecvFuture<'a, T> {
    channel: &'a Shared<T>,
    receiving: Receiving<T>,
}

impl<'a, T> RecvFuture<'a, T> {
    pub(super) fn new(channel: &'a Shared<T>) -> Self {
        Self { channel, receiving: Receiving::new() }
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let channel = self.channel;
        // SAFETY: pinned with the future.
        unsafe { self.map_unchecked_mut(|this| &mut this.receiving) }.poll(channel, context)
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        self.receiving.abandon(self.channel);
    }
}

/// See [`send_async`](super::Sender::send_async).
#[must_use = "a future does nothing until it is awaited"]
pub struct SendFuture<'a, T> {
    channel: &'a Shared<T>,
    sending: Sending<T>,
}

impl<'a, T> SendFuture<'a, T> {
    pub(super) fn new(channel: &'a Shared<T>, value: T) -> Self {
        Self { channel, sending: Sending::new(value) }
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let channel = self.channel;
        // SAFETY: pinned with the future.
        unsafe { self.map_unchecked_mut(|this| &mut this.sending) }.poll(channel, context)
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        self.sending.abandon(self.channel);
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFuture").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").finish_non_exhaustive()
    }
}
