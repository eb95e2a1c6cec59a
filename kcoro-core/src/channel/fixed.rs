// SPDX-License-Identifier: BSD-3-Clause
//! Channels in statics, without an allocator.
#![expect(unsafe_code, reason = "lends the store memory that lies beside it")]

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;
use core::time::Duration;

use super::core::{NotSent, Shared, State, wake_if};
use super::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use super::future::{RecvFuture, SendFuture};
use super::stats::Stats;
use super::store::Store;
use super::tally::{StatsMemory, Tally};
use super::undelivered::{Hook, Overflow, Undelivered};
use super::waiting::limit_at;
use crate::primitive::atomic::{AtomicBool, Ordering};
use crate::primitive::const_unless_loom;
use crate::task::schedule::Place;
use crate::task::wait_record::ChannelId;
use crate::time::{Instant, ns_of};
use crate::wait::Limit;

/// A bounded channel that is a `static`: it holds up to `N` values in place, and needs no allocator.
///
/// It is its own sender and receiver, for whoever can name it. It has no handles whose drop would close it, so it is open
/// until [`StaticChannel::close`]. What waits and what fails is as for any bounded channel; with `N` zero it is a
/// rendezvous.
///
/// It has all forms of the handles but those that need an allocator or a handle: streams and sinks, and kinds other than
/// bounded. [`StaticChannel::drain`] takes its memory from the caller's stack, and [`StaticChannel::stats`] from a static.
///
/// Its methods take `&'static self`, for the store knows where its memory lies from the first use on.
///
/// A receive future that is dropped after a value was handed to it gives that back as the next to be received. If the
/// channel is full by then, there is no memory for one more: the value goes to the hook, as [`Undelivered::Abandoned`], or
/// is dropped. (Channels with an allocator make room.)
///
/// ```
/// use kcoro_core::channel::{StaticChannel, TrySendError};
///
/// static EVENTS: StaticChannel<u32, 2> = StaticChannel::new();
///
/// EVENTS.try_send(1).unwrap();
/// EVENTS.try_send(2).unwrap();
/// assert_eq!(EVENTS.try_send(3), Err(TrySendError::Full(3)));
/// assert_eq!((EVENTS.try_recv(), EVENTS.try_recv()), (Ok(1), Ok(2)));
/// ```
pub struct StaticChannel<T, const N: usize> {
    shared: Shared<T>,
    slots: UnsafeCell<[MaybeUninit<T>; N]>,
    stats: Option<&'static StatsMemory>,
    is_lent: AtomicBool,
}

// SAFETY: the slots are touched through the store, under the lock of `shared`, which asks the same of `T`.
unsafe impl<T: Send, const N: usize> Sync for StaticChannel<T, N> {}

impl<T, const N: usize> StaticChannel<T, N> {
    const_unless_loom! {
        /// An empty channel, whose senders wait when it is full.
        #[expect(clippy::new_without_default, reason = "it is made where a static is, and only constants are made there")]
        pub fn new() -> Self {
            Self::with(Overflow::Suspend, None)
        }
    }

    const_unless_loom! {
        /// An empty channel with this policy, and a hook for values that nobody will receive: one that is called as that
        /// of a channel from a builder is, once for each value and with the reason.
        pub fn with(overflow: Overflow, on_undelivered: Option<fn(T, Undelivered)>) -> Self {
            let state = State::new(Store::without_memory(), overflow, Tally::OFF);
            Self {
                shared: Shared::new(state, N, Hook::function(on_undelivered)),
                slots: UnsafeCell::new([const { MaybeUninit::uninit() }; N]),
                stats: None,
                is_lent: AtomicBool::new(false),
            }
        }
    }

    /// As it is, but it counts what it does, in `memory`: see [`StaticChannel::stats`]. Memory that is given to two channels
    /// is that of the one that is used first; the other does not count.
    ///
    /// ```
    /// use kcoro_core::channel::{StaticChannel, StatsMemory};
    ///
    /// static COUNTS: StatsMemory = StatsMemory::new();
    /// static EVENTS: StaticChannel<u32, 2> = StaticChannel::new().with_stats(&COUNTS);
    ///
    /// assert_eq!((0..3).filter(|n| EVENTS.try_send(*n).is_ok()).count(), 2);
    /// let stats = EVENTS.stats().unwrap();
    /// assert_eq!((stats.sends, stats.failed_sends.full, stats.high_water), (2, 1, 2));
    /// ```
    #[must_use = "it is this channel, changed"]
    pub const fn with_stats(mut self, memory: &'static StatsMemory) -> Self {
        self.stats = Some(memory);
        self.shared.counts = true;
        self
    }

    /// The channel, whose store has its memory.
    #[inline]
    pub(super) fn shared(&'static self) -> &'static Shared<T> {
        // Acquire: pairs with the store below; what it published is then under the lock anyway.
        if !self.is_lent.load(Ordering::Acquire) {
            self.lend(&mut self.shared.state.lock());
            self.is_lent.store(true, Ordering::Release);
        }
        &self.shared
    }

    /// Whoever is first lends the store its memory; whoever comes at the same time lends the same.
    fn lend(&'static self, state: &mut State<T>) {
        if let Some(memory) = self.stats {
            state.tally.lend(memory);
        }
        // SAFETY: the slots are this channel's, which stays in place for ever, and nobody else uses them.
        unsafe { state.buffer.lend(NonNull::new_unchecked(self.slots.get()).cast(), N) };
    }

    /// Sends `value`, waiting for room.
    ///
    /// # Errors
    ///
    /// See [`SendError`]; the value comes back. Without `std`, only coroutines can wait: anywhere else a send that would
    /// have to is refused, as [`CannotWait::NotInCoroutine`](crate::wait::CannotWait::NotInCoroutine).
    pub fn send(&'static self, value: T) -> Result<(), SendError<T>> {
        self.shared().send(value, Limit::Never).map_err(SendTimeoutError::without_deadline)
    }

    /// Sends `value` if that needs no wait. Never a cancellation point.
    ///
    /// It may be called in an interrupt or signal handler that runs [as such](crate::platform::ambient::in_interrupt). There
    /// it neither waits for the channel's lock nor calls the hook: a channel that the interrupted code (or, for a moment,
    /// another core) is using counts as full, and so does one that is full, whatever its policy. A receiver that waits in a
    /// future is woken through its waker, right in the handler: keep such futures away from channels that handlers use,
    /// unless their wakers may be called there. The wakers of [`block_on`](crate::wait::block_on) may.
    ///
    /// # Errors
    ///
    /// See [`TrySendError`]; the value comes back.
    pub fn try_send(&'static self, value: T) -> Result<(), TrySendError<T>> {
        match Place::current() {
            Place::Interrupt => self.try_send_in_handler(value),
            _ => self.shared().try_send(value),
        }
    }

    fn try_send_in_handler(&'static self, value: T) -> Result<(), TrySendError<T>> {
        // Its holder may be what the handler has interrupted, and would then never release it.
        let Some(mut state) = self.shared.state.try_lock() else {
            return Err(TrySendError::Full(value));
        };
        self.lend(&mut state);
        let value = ManuallyDrop::new(value);
        let mut owed = None;
        let sent = state.send(&raw const *value, N, &mut owed);
        drop(state);
        match sent {
            Ok(()) => {
                wake_if(owed);
                Ok(())
            }
            Err(NotSent::Closed) => Err(TrySendError::Closed(ManuallyDrop::into_inner(value))),
            Err(_) => Err(TrySendError::Full(ManuallyDrop::into_inner(value))),
        }
    }

    /// As [`StaticChannel::send`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`SendTimeoutError`]; the value comes back.
    pub fn send_timeout(&'static self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.shared().send(value, Limit::AfterNs(ns_of(timeout)))
    }

    /// As [`StaticChannel::send`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`SendTimeoutError`]; the value comes back.
    pub fn send_deadline(&'static self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        match limit_at(deadline) {
            Ok(limit) => self.shared().send(value, limit),
            Err(why) => Err(SendTimeoutError::Clock(value, why)),
        }
    }

    /// Sends `value` from async code, on any executor. Dropping the future before it is ready drops the value, unless a
    /// receiver has just taken it.
    pub fn send_async(&'static self, value: T) -> SendFuture<'static, T> {
        SendFuture::new(self.shared(), value)
    }

    /// Receives a value, waiting for one.
    ///
    /// # Errors
    ///
    /// See [`RecvError`], and [`StaticChannel::send`] for who can wait.
    pub fn recv(&'static self) -> Result<T, RecvError> {
        self.shared().recv(Limit::Never).map_err(RecvTimeoutError::without_deadline)
    }

    /// Receives a value if one is there, buffered or with a waiting sender. Never a cancellation point.
    ///
    /// # Errors
    ///
    /// See [`TryRecvError`].
    pub fn try_recv(&'static self) -> Result<T, TryRecvError> {
        self.shared().try_recv()
    }

    /// As [`StaticChannel::recv`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`RecvTimeoutError`].
    pub fn recv_timeout(&'static self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.shared().recv(Limit::AfterNs(ns_of(timeout)))
    }

    /// As [`StaticChannel::recv`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`RecvTimeoutError`].
    pub fn recv_deadline(&'static self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.shared().recv(limit_at(deadline).map_err(RecvTimeoutError::Clock)?)
    }

    /// Receives a value from async code, on any executor. For a future that is dropped see [`StaticChannel`].
    pub fn recv_async(&'static self) -> RecvFuture<'static, T> {
        RecvFuture::new(self.shared())
    }

    /// Receives until the channel is closed and drained, or the coroutine is cancelled.
    pub fn iter(&'static self) -> impl Iterator<Item = T> {
        core::iter::from_fn(|| self.recv().ok())
    }

    /// Receives what is there now.
    pub fn try_iter(&'static self) -> impl Iterator<Item = T> {
        core::iter::from_fn(|| self.try_recv().ok())
    }

    /// Closes the channel for everyone: sends fail, receives drain what is buffered. Says whether it was open.
    pub fn close(&'static self) -> bool {
        self.shared().close()
    }

    /// Whether the channel is closed; values may still be buffered.
    pub fn is_closed(&'static self) -> bool {
        self.shared.is_closed()
    }

    /// How many values are buffered.
    pub fn len(&'static self) -> usize {
        self.shared.len()
    }

    /// Whether nothing is buffered.
    pub fn is_empty(&'static self) -> bool {
        self.len() == 0
    }

    /// Whether the buffer is full; that of a rendezvous channel always is.
    pub fn is_full(&'static self) -> bool {
        self.len() >= N
    }

    /// How many values the channel can hold.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// What the channel has done until now, if it was made [with stats](StaticChannel::with_stats).
    pub fn stats(&'static self) -> Option<Stats> {
        self.shared().stats()
    }

    /// What tells this channel from others, in a dump for example.
    pub fn id(&'static self) -> ChannelId {
        self.shared.id()
    }
}

impl<T, const N: usize> fmt::Debug for StaticChannel<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticChannel").field("capacity", &N).finish_non_exhaustive()
    }
}
