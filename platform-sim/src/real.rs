// SPDX-License-Identifier: BSD-3-Clause
//! What a simulated coroutine touches of the real world.
//!
//! No seed decides what a clock shows, when a thread runs, or what comes over a socket. A body that asks for one is not
//! what a simulation shows it to be, so the run fails and names who asked, whether or not that changed what it did. The
//! calls are seen where the program's code enters the C library: see [`entrances`](crate::entrances).
#![expect(unsafe_code, reason = "finds the world of the turn from inside a call of the C library")]

use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;

use crate::world::World;

/// Something outside of a simulation, which its seed does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Real {
    /// A clock of the system, as `std::time::Instant::now` reads it.
    Clock,
    /// A sleep that blocks the thread, as `std::thread::sleep`.
    Sleep,
    /// A thread that is started.
    Thread,
    /// A socket that is made.
    Socket,
    /// A file that is opened.
    File,
}

impl Real {
    /// What to do without it.
    fn instead(self) -> &'static str {
        match self {
            Self::Clock => "take the time from `kcoro_sim::time::Instant`",
            Self::Sleep => "wait with `kcoro_sim::time::sleep`",
            Self::Thread => "spawn coroutines",
            Self::Socket => "let channels stand for the network",
            Self::File => "read it before the simulation starts",
        }
    }
}

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let did = match self {
            Self::Clock => "read a real clock",
            Self::Sleep => "slept in real time",
            Self::Thread => "started a real thread",
            Self::Socket => "made a real socket",
            Self::File => "opened a real file",
        };
        write!(
            f,
            "{did}, which no seed decides: {}, or allow it with `Sim::allow_real(Real::{self:?})`",
            self.instead()
        )
    }
}

/// A set of [`Real`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed(u8);

impl Allowed {
    pub(crate) const NOTHING: Self = Self(0);

    pub(crate) const fn with(self, real: Real) -> Self {
        Self(self.0 | 1 << real as u8)
    }

    pub(crate) const fn has(self, real: Real) -> bool {
        self.0 & 1 << real as u8 != 0
    }
}

thread_local! {
    /// The world that this thread gives a turn to.
    static TURN: Cell<Option<NonNull<World>>> = const { Cell::new(None) };
}

/// Watches what `turn` touches, in the name of `world`.
pub(crate) fn watched(world: &World, turn: impl FnOnce()) {
    // Where turns can be given inside of a turn, the inner one ends first.
    let outer = TURN.replace(Some(NonNull::from(world)));
    turn();
    TURN.set(outer);
}

/// Makes sure that the entrances are part of the program.
pub(crate) fn prepare() {
    crate::entrances::keep();
}

/// Called when the thread touches `real`.
pub(crate) fn touch(real: Real) {
    // A panic's message may come with a backtrace, which reads files.
    if let Some(world) = TURN.get()
        && !std::thread::panicking()
    {
        // SAFETY: the world outlives its turn, which is going on.
        unsafe { world.as_ref() }.note_touched(real);
    }
}
