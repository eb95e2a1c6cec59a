// SPDX-License-Identifier: BSD-3-Clause
//! How a simulated run fails.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use kcoro_core::platform::Running;
use kcoro_core::sched::{BuildError, JoinError, SpawnError};

use crate::graph::WaitGraph;
use crate::real::Real;
use crate::schedule::Schedule;
use crate::trail::Trail;

/// A run that failed. Its message says what happened, and when.
#[non_exhaustive]
pub struct Failure {
    /// The seed, which fails again in the same way; `None` if a [`Schedule`] was replayed.
    pub seed: Option<u64>,
    /// The choices of the run, which fail again in the same way, too; see [`Sim::replay`](crate::Sim::replay).
    pub schedule: Schedule,
    /// How many turns were given to workers until then.
    pub steps: u64,
    /// How much virtual time had passed.
    pub virtual_time: Duration,
    /// The hash of all scheduling decisions until then.
    pub trace_hash: u64,
    /// What happened.
    pub kind: FailureKind,
    /// The last decisions before it.
    pub trail: Trail,
}

/// What made a run fail.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// The body panicked, or had no stack.
    Body(JoinError),
    /// A coroutine panicked whose handle had been dropped. The panic hook has said why.
    Unobserved(Culprit),
    /// Coroutines wait, and nothing is left that could wake them: no ready coroutine, no deadline.
    Deadlock(WaitGraph),
    /// The run took more steps than [`Sim::step_limit`](crate::Sim::step_limit) allows.
    StepLimit {
        /// The limit.
        limit: u64,
        /// What had not ended.
        unfinished: WaitGraph,
    },
    /// Two workers were inside of a cell of this type at once, one of them to change it. Looked for with
    /// `--cfg kcoro_interleave` only, and a bug of kcoro. What has not ended is leaked.
    DataRace(&'static str),
    /// A coroutine touched something real that is not [allowed](crate::Sim::allow_real): the first that did.
    Real(Touched),
    /// The simulated runtime could not be built.
    Build(BuildError),
    /// The body could not be spawned.
    Spawn(SpawnError),
    /// A simulation needs a thread of its own: it was called from inside of a runtime.
    InsideRuntime,
}

/// A coroutine that made a run fail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Culprit {
    /// Its number.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawn_site: &'static Location<'static>,
}

/// What a coroutine touched of the real world.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Touched {
    /// What it was.
    pub what: Real,
    /// Who did.
    pub by: Culprit,
}

impl fmt::Display for Touched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.by, self.what)
    }
}

impl From<Running> for Culprit {
    fn from(running: Running) -> Self {
        Self { id: running.id, name: running.name.map(str::to_owned), spawn_site: running.spawn_site }
    }
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("unnamed");
        write!(f, "coroutine {} `{name}`, spawned at {}", self.id, self.spawn_site)
    }
}

impl FailureKind {
    /// Whether another schedule might not fail.
    pub(crate) fn is_of_the_schedule(&self) -> bool {
        match self {
            Self::Body(_) | Self::Unobserved(_) | Self::Deadlock(_) | Self::StepLimit { .. } | Self::DataRace(_) => {
                true
            }
            Self::Real(_) | Self::Build(_) | Self::Spawn(_) | Self::InsideRuntime => false,
        }
    }

    /// Whether this is the same failure of the program as `other`, in a run that may have gone another way. So numbers of
    /// coroutines do not count, which depend on who spawned first, but names and spawn sites do.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Body(why), Self::Body(other)) => why.to_string() == other.to_string(),
            (Self::Unobserved(one), Self::Unobserved(other)) => {
                (&one.name, one.spawn_site) == (&other.name, other.spawn_site)
            }
            (Self::Deadlock(graph), Self::Deadlock(other)) => graph.who_waits() == other.who_waits(),
            // Who is where at the last step says little.
            (Self::StepLimit { .. }, Self::StepLimit { .. }) => true,
            (Self::DataRace(what), Self::DataRace(other)) => what == other,
            _ => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, steps, virtual_time, .. } = self;
        match seed {
            Some(seed) => write!(f, "seed {seed}")?,
            None => f.write_str("a replayed schedule")?,
        }
        write!(f, ", after {steps} steps and {virtual_time:?} of virtual time: {}", self.kind)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(why) => why.fmt(f),
            Self::Unobserved(culprit) => write!(f, "{culprit}, panicked unobserved"),
            Self::Deadlock(graph) => {
                let waiting = graph.coroutines.len();
                write!(f, "deadlock: {waiting} coroutines wait, and nothing that is simulated will wake them\n{graph}")
            }
            Self::StepLimit { limit, unfinished } => {
                write!(f, "not done after {limit} steps (a livelock? else raise the step limit)\n{unfinished}")
            }
            Self::DataRace(what) => write!(f, "data race: two workers are in one cell at once, a `{what}`"),
            Self::Real(touched) => touched.fmt(f),
            Self::Build(why) => why.fmt(f),
            Self::Spawn(why) => why.fmt(f),
            Self::InsideRuntime => {
                f.write_str("a simulation cannot run inside of a runtime: call it from a plain thread")
            }
        }
    }
}
