// SPDX-License-Identifier: BSD-3-Clause
//! Events, of a fixed size and without an allocation.

use core::panic::Location;

/// What happened. Coroutines are named by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A coroutine was made; it is ready.
    Spawned {
        /// The new one.
        coroutine: u64,
        /// The coroutine that spawned it, if one of this runtime did.
        by: Option<u64>,
        /// Its name.
        name: Option<&'static str>,
        /// Where it was spawned.
        site: &'static Location<'static>,
    },
    /// The worker goes on with this coroutine; or begins with it.
    Resumed {
        /// Which.
        coroutine: u64,
    },
    /// It waits from now on.
    Parked {
        /// Which.
        coroutine: u64,
        /// The kind of thing that it waits for.
        what: &'static str,
        /// The thing: a channel, a coroutine, a scope; zero if there is only one.
        object: u64,
    },
    /// Its wait is over; it is ready.
    Woken {
        /// Which.
        coroutine: u64,
        /// The coroutine that ended the wait. None: a timer, a thread, or it was not yet asleep.
        by: Option<u64>,
    },
    /// It lets others run first; it stays ready.
    Yielded {
        /// Which.
        coroutine: u64,
    },
    /// It has ended, or will never run.
    Ended {
        /// Which.
        coroutine: u64,
    },
    /// A cancel has ended its wait.
    Cancelled {
        /// Which.
        coroutine: u64,
        /// The coroutine that did so.
        by: Option<u64>,
    },
    /// It gets a deadline for the wait that it begins.
    TimerArmed {
        /// Which.
        coroutine: u64,
        /// The deadline.
        deadline_ns: u64,
    },
    /// Its deadline has passed before its wait was over.
    TimerFired {
        /// Which.
        coroutine: u64,
    },
    /// The worker took coroutines from another.
    Stole {
        /// How many.
        count: u64,
    },
    /// The worker has nothing to do and sleeps.
    WorkerIdle,
    /// It is awake again.
    WorkerAwake,
}

/// An event, with its time and place.
#[cfg(feature = "trace")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, by the clock of the runtime's platform.
    pub at_ns: u64,
    /// The worker that did it; none if it was done by a thread that is no worker of the runtime, or by an interrupt.
    pub worker: Option<u32>,
    /// What.
    pub event: Event,
}
