// SPDX-License-Identifier: BSD-3-Clause
//! What a supervisor says of a failure.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use crate::sched::{JoinError, Panicked, SpawnError};

/// How a child failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The actor returned this error, as text.
    Error(String),
    /// The actor panicked.
    Panicked(Panicked),
    /// The child is a supervisor with too many failures of its own.
    Escalated(Box<Escalated>),
    /// The child was not spawned.
    NotSpawned(SpawnError),
    /// The child never ran: there was no stack for it.
    NeverRan(JoinError),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => f.write_str(error),
            Self::Panicked(panicked) => write!(f, "panicked: {panicked}"),
            Self::Escalated(escalated) => escalated.fmt(f),
            Self::NotSpawned(why) => write!(f, "not spawned: {why}"),
            Self::NeverRan(why) => write!(f, "{why}"),
        }
    }
}

/// One failure of a child: see [`Supervisor::on_failure`](super::Supervisor::on_failure).
#[derive(Debug)]
#[non_exhaustive]
pub struct ChildFailed<'a> {
    /// The child's name.
    pub child: &'static str,
    /// How it failed.
    pub cause: &'a Cause,
    /// What the supervisor will do.
    pub next: WhatNext,
}

/// What a supervisor does about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhatNext {
    /// Starts the child (or all of them) anew after this time.
    Restart(Duration),
    /// Fails itself: there were too many failures.
    Escalate,
}

/// A supervisor had more failures than its limit.
#[derive(Debug)]
#[non_exhaustive]
pub struct Escalated {
    /// The supervisor's name.
    pub supervisor: &'static str,
    /// Whose failure was the one too many.
    pub child: &'static str,
    /// How that failed.
    pub cause: Cause,
}

impl fmt::Display for Escalated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` gave up after too many failures, the last of `{}`: {}", self.supervisor, self.child, self.cause)
    }
}

impl core::error::Error for Escalated {}
