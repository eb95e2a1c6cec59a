// SPDX-License-Identifier: BSD-3-Clause
//! Sending and receiving from async code.
//!
//! The claim, the queue node and the slot lie in the pinned future. A winner touches them under the channel's lock only,
//! and dropping the future takes that lock, so it never pulls them away from under one.
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

/// See [`Receiver::recv_async`](super::Receiver::recv_async).
#[must_use = "a future does nothing until it is awaited"]
pub struct RecvFuture<'a, T> {
    channel: &'a Shared<T>,
    waiting: Waiting,
    slot: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the slot is written by the winner and read by the owner; both may be on any thread if `T` is `Send`.
unsafe impl<T: Send> Send for RecvFuture<'_, T> {}
// SAFETY: a shared future gives no access.
unsafe impl<T: Send> Sync for RecvFuture<'_, T> {}

impl<'a, T> RecvFuture<'a, T> {
    pub(super) fn new(channel: &'a Shared<T>) -> Self {
        Self { channel, waiting: Waiting::new(), slot: UnsafeCell::new(MaybeUninit::uninit()) }
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
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out of the pinned future.
        let this = unsafe { self.get_unchecked_mut() };
        // Cloned before the lock: a waker is foreign code.
        let waker = context.waker().clone();
        match this.waiting.progress {
            Progress::Over => panic!("polled after it was ready"),
            Progress::Queued => {
                if let Some(outcome) = this.channel.renew_waker(this.waiting.node(), &this.waiting.claim, waker) {
                    this.waiting.progress = Progress::Over;
                    // SAFETY: the claim was won, and the result is taken once.
                    return Poll::Ready(unsafe { this.take(outcome) });
                }
                Poll::Pending
            }
            Progress::New => {
                // SAFETY: pinned, and nothing is queued yet.
                let node = unsafe { this.waiting.prepare(waker, this.slot.get().cast()) };
                // SAFETY: the node stays until it is removed, by its winner or by the drop.
                match unsafe { this.channel.recv_or_queue(node) } {
                    Err(TryRecvError::Empty) => Poll::Pending,
                    received => {
                        this.waiting.progress = Progress::Over;
                        Poll::Ready(received.map_err(|_| RecvError::Closed))
                    }
                }
            }
        }
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        if self.waiting.progress != Progress::Queued {
            return;
        }
        // SAFETY: the node was queued as a receiver.
        unsafe { self.channel.unqueue_receiver(self.waiting.node()) };
        if let Some((Outcome::Event, _)) = self.waiting.claim.outcome() {
            // It won a value that nobody will take out of it: the value goes to the next in line.
            // SAFETY: the winner wrote the slot, and the value is taken once.
            self.channel.give_back(unsafe { (*self.slot.get()).assume_init_read() });
        }
    }
}

/// See [`Sender::send_async`](super::Sender::send_async).
#[must_use = "a future does nothing until it is awaited"]
pub struct SendFuture<'a, T> {
    channel: &'a Shared<T>,
    waiting: Waiting,
    /// There until it is sent or handed back.
    value: UnsafeCell<ManuallyDrop<T>>,
}

// SAFETY: the value is read by the winner or by the owner; both may be on any thread if `T` is `Send`.
unsafe impl<T: Send> Send for SendFuture<'_, T> {}
// SAFETY: a shared future gives no access.
unsafe impl<T: Send> Sync for SendFuture<'_, T> {}

impl<'a, T> SendFuture<'a, T> {
    pub(super) fn new(channel: &'a Shared<T>, value: T) -> Self {
        Self { channel, waiting: Waiting::new(), value: UnsafeCell::new(ManuallyDrop::new(value)) }
    }

    /// # Safety
    ///
    /// The value is there, and is not used again.
    unsafe fn take_value(&mut self) -> T {
        // SAFETY: the caller's promise.
        unsafe { ManuallyDrop::take(self.value.get_mut()) }
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the value is moved out only when it is handed back; it is not structurally pinned.
        let this = unsafe { self.get_unchecked_mut() };
        let waker = context.waker().clone();
        let outcome = match this.waiting.progress {
            Progress::Over => panic!("polled after it was ready"),
            Progress::Queued => this.channel.renew_waker(this.waiting.node(), &this.waiting.claim, waker),
            Progress::New => {
                // SAFETY: pinned, and nothing is queued yet.
                let node = unsafe { this.waiting.prepare(waker, this.value.get().cast()) };
                // SAFETY: node and value stay until the node is removed, by its winner or by the drop.
                match unsafe { this.channel.send_or_queue(this.value.get().cast(), node) } {
                    Ok(()) => Some(Outcome::Event),
                    Err(NotSent::Closed) => Some(Outcome::Closed),
                    Err(_) => None,
                }
            }
        };
        let Some(outcome) = outcome else { return Poll::Pending };
        this.waiting.progress = Progress::Over;
        Poll::Ready(match outcome {
            Outcome::Event => Ok(()),
            // SAFETY: nobody took the value, and the future is over.
            _ => Err(SendError::Closed(unsafe { this.take_value() })),
        })
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        match self.waiting.progress {
            Progress::Over => return,
            Progress::New => {}
            Progress::Queued => {
                // SAFETY: the node was queued as a sender.
                unsafe { self.channel.unqueue_sender(self.waiting.node()) };
                if let Some((Outcome::Event, _)) = self.waiting.claim.outcome() {
                    return;
                }
            }
        }
        // SAFETY: the value was not sent, and the future goes.
        drop(unsafe { self.take_value() });
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
