// SPDX-License-Identifier: BSD-3-Clause
//! Sends and receives that wait, from coroutines and threads: register under the lock that found no way, park, and leave
//! nothing behind.
#![expect(unsafe_code, reason = "queues nodes that lie in this frame, with slots for values")]

use core::mem::{ManuallyDrop, MaybeUninit};
use core::pin::pin;

use super::core::{NotSent, Shared, State, wake_if};
use super::error::{RecvTimeoutError, SendTimeoutError, TryRecvError};
use crate::primitive::SpinGuard;
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::wait::queue::Node;
use crate::wait::wake::Wake;
use crate::wait::{Entry, Limit, enter};

/// Pays a wake that is owed, after the lock, and charges the operation to the run budget.
#[inline]
fn wake_and_charge(wake: Option<Wake>, entry: Entry) {
    match wake {
        None => entry.charge(),
        Some(wake) => {
            wake.wake();
            // Asked anew: a foreign waker may have suspended the coroutine, which may have come back elsewhere.
            enter().charge();
        }
    }
}

impl<T> Shared<T> {
    /// A send that waits for room or a receiver.
    #[inline]
    pub(super) fn send(&self, value: T, limit: Limit) -> Result<(), SendTimeoutError<T>> {
        let entry = enter();
        if entry.check_cancelled().is_err() {
            return Err(SendTimeoutError::Cancelled(value));
        }
        let value = ManuallyDrop::new(value);
        let mut state = self.state.lock();
        match state.send(&raw const *value, self.capacity) {
            Ok(wake) => {
                drop(state);
                wake_and_charge(wake, entry);
                Ok(())
            }
            Err(NotSent::Full) if entry.is_coroutine() => self.park_sender(state, entry, value, limit),
            Err(NotSent::Closed) => {
                drop(state);
                Err(SendTimeoutError::Closed(ManuallyDrop::into_inner(value)))
            }
            Err(_) => {
                drop(state);
                self.send_slowly(entry, value, limit)
            }
        }
    }

    /// A send from a thread, whose parker must not be made under the lock, or into a buffer that must grow.
    #[cold]
    fn send_slowly(&self, entry: Entry, value: ManuallyDrop<T>, limit: Limit) -> Result<(), SendTimeoutError<T>> {
        // Makes the thread's parker now, so that asking again below is cheap. A refusal comes again, too.
        drop(entry.waiter());
        loop {
            let mut state = self.state.lock();
            match state.send(&raw const *value, self.capacity) {
                Ok(wake) => {
                    drop(state);
                    wake_if(wake);
                    return Ok(());
                }
                Err(NotSent::Full) => return self.park_sender(state, entry, value, limit),
                Err(NotSent::Closed) => {
                    drop(state);
                    return Err(SendTimeoutError::Closed(ManuallyDrop::into_inner(value)));
                }
                Err(NotSent::MustGrow { slots }) => {
                    drop(state);
                    self.grow(slots);
                }
            }
        }
    }

    /// Registers as a waiting sender, under the lock that found the channel full, and waits.
    fn park_sender(
        &self,
        mut state: SpinGuard<'_, State<T>>,
        entry: Entry,
        value: ManuallyDrop<T>,
        limit: Limit,
    ) -> Result<(), SendTimeoutError<T>> {
        let waiter = match entry.waiter() {
            Ok(waiter) => waiter,
            Err(why) => {
                drop(state);
                return Err(SendTimeoutError::CannotWait(ManuallyDrop::into_inner(value), why));
            }
        };
        let Ok(generation) = waiter.begin(Accepts::CANCEL) else {
            drop(state);
            return Err(SendTimeoutError::Cancelled(ManuallyDrop::into_inner(value)));
        };
        let node = pin!(Node::new(&waiter, generation, (&raw const *value).cast_mut().cast()));
        let node: *const Node = &raw const *node;
        // SAFETY: the node and the value stay in this frame; the node is removed below unless it was won in the queue.
        unsafe { state.senders.push(node) };
        drop(state);
        match waiter.park(WaitsFor::ToSend(self.id()), Accepts::CANCEL, limit, generation).0 {
            Outcome::Event => Ok(()),
            ended => {
                // SAFETY: it was pushed to this queue.
                unsafe { self.state.lock().senders.remove(node) };
                // Nobody took the value: the claim was won by something else.
                let value = ManuallyDrop::into_inner(value);
                Err(match ended {
                    Outcome::Closed => SendTimeoutError::Closed(value),
                    Outcome::TimedOut => SendTimeoutError::TimedOut(value),
                    _ => SendTimeoutError::Cancelled(value),
                })
            }
        }
    }

    /// A receive that waits for a value.
    #[inline]
    pub(super) fn recv(&self, limit: Limit) -> Result<T, RecvTimeoutError> {
        let entry = enter();
        if entry.check_cancelled().is_err() {
            return Err(RecvTimeoutError::Cancelled);
        }
        let mut state = self.state.lock();
        match state.receive(self.capacity) {
            Ok((value, wake)) => {
                drop(state);
                wake_and_charge(wake, entry);
                Ok(value)
            }
            Err(TryRecvError::Closed) => Err(RecvTimeoutError::Closed),
            Err(TryRecvError::Empty) if entry.is_coroutine() => self.park_receiver(state, entry, limit),
            Err(TryRecvError::Empty) => {
                drop(state);
                self.recv_slowly(entry, limit)
            }
        }
    }

    /// A receive from a thread, whose parker must not be made under the lock.
    #[cold]
    fn recv_slowly(&self, entry: Entry, limit: Limit) -> Result<T, RecvTimeoutError> {
        // As in `send_slowly`.
        drop(entry.waiter());
        let mut state = self.state.lock();
        match state.receive(self.capacity) {
            Ok((value, wake)) => {
                drop(state);
                wake_if(wake);
                Ok(value)
            }
            Err(TryRecvError::Closed) => Err(RecvTimeoutError::Closed),
            Err(TryRecvError::Empty) => self.park_receiver(state, entry, limit),
        }
    }

    /// Registers as a waiting receiver, under the lock that found the channel empty, and waits.
    fn park_receiver(
        &self,
        mut state: SpinGuard<'_, State<T>>,
        entry: Entry,
        limit: Limit,
    ) -> Result<T, RecvTimeoutError> {
        let waiter = entry.waiter().map_err(RecvTimeoutError::CannotWait)?;
        let generation = waiter.begin(Accepts::CANCEL).map_err(|_| RecvTimeoutError::Cancelled)?;
        let mut slot = MaybeUninit::<T>::uninit();
        let node = pin!(Node::new(&waiter, generation, slot.as_mut_ptr().cast()));
        let node: *const Node = &raw const *node;
        // SAFETY: node and slot stay in this frame; the node is removed below unless it was won in the queue.
        unsafe { state.receivers.push(node) };
        drop(state);
        match waiter.park(WaitsFor::ToReceive(self.id()), Accepts::CANCEL, limit, generation).0 {
            // SAFETY: the sender wrote the slot before it won the claim.
            Outcome::Event => Ok(unsafe { slot.assume_init() }),
            ended => {
                // SAFETY: it was pushed to this queue.
                unsafe { self.state.lock().receivers.remove(node) };
                Err(match ended {
                    Outcome::Closed => RecvTimeoutError::Closed,
                    Outcome::TimedOut => RecvTimeoutError::TimedOut,
                    _ => RecvTimeoutError::Cancelled,
                })
            }
        }
    }
}
