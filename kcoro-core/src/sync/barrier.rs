// SPDX-License-Identifier: BSD-3-Clause
//! [`Barrier`]: nobody goes on before all have come.
#![expect(unsafe_code, reason = "its turn is one of the gate's")]

use core::fmt;

use super::const_unless_loom;
use super::gate::{Gate, Pass, State, waits_at_gate};
use crate::primitive::{SpinGuard, SpinLock};
use crate::task::claim::{Accepts, Outcome};
use crate::task::wait_record::WaitsFor;
use crate::wait::Limit;
use crate::wait::queue::WaitQueue;
use crate::wait::turn::{Ended, Turn, charge, wait_charged};
use crate::wait::turn_future::TurnFuture;

/// Holds up a fixed number of parties until all of them have come, again and again.
///
/// What each wrote before its wait is visible to all after it.
///
/// **Cancellation.** Only [`Barrier::wait_cancellable`] is a cancellation point. A party whose wait is cut short (by a
/// cancel, a time-out, or the drop of a future), or that cannot wait, has not come: the others wait for one more. If it was cut short when all had
/// already come, it is not: it passes with the others.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::sync::Barrier;
///
/// static BARRIER: Barrier = Barrier::new(2);
///
/// let other = std::thread::spawn(|| BARRIER.wait().unwrap().is_leader());
/// let leads = BARRIER.wait().unwrap().is_leader();
/// assert_ne!(leads, other.join().unwrap(), "one of them is the leader");
/// # }
/// ```
pub struct Barrier {
    parties: usize,
    /// Its count is that of the parties that are still to come.
    gate: Gate,
}

/// A party has passed a [`Barrier`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Whether this is the one party of all that came last.
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}

impl Barrier {
    const_unless_loom! {
        /// A barrier for this many parties. Nobody waits at one for a single party, or for none.
        pub fn new(parties: usize) -> Self {
            let parties = if parties == 0 { 1 } else { parties };
            Self { parties, gate: Gate::new(parties) }
        }
    }

    waits_at_gate!("Barrier", "all have come", BarrierWaitResult);

    /// As [`Barrier::wait`], from async code.
    pub async fn wait_async(&self) -> BarrierWaitResult {
        self.pass(TurnFuture::new(self.party()).await)
    }

    /// For how many parties it is; one, if none was asked for.
    pub fn parties(&self) -> usize {
        self.parties
    }

    fn wait_within(&self, accepts: Accepts, limit: Limit) -> Result<BarrierWaitResult, Ended> {
        charge(accepts)?;
        wait_charged(&self.party(), accepts, limit).map(|arrival| self.pass(arrival))
    }

    fn party(&self) -> Party<'_> {
        Party { pass: Pass::new(&self.gate), parties: self.parties }
    }

    /// The last to come lets the others pass.
    fn pass(&self, arrival: Arrival) -> BarrierWaitResult {
        if let Arrival::Last { opened } = arrival {
            self.gate.wake_until(opened);
        }
        BarrierWaitResult { is_leader: arrival != Arrival::Passed }
    }
}

/// One who waits at a barrier: a pass, with the number of parties behind it.
#[repr(C)]
struct Party<'a> {
    pass: Pass<'a>,
    parties: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// It came last: those who wait pass the opening of this number.
    Last { opened: u64 },
    /// Another came last.
    Passed,
}

// SAFETY: as `Pass`, which is the first field and hence at the turn's address; the rest never changes.
unsafe impl Turn for Party<'_> {
    type State = State;
    type Output = Arrival;

    fn state(&self) -> &SpinLock<State> {
        self.pass.state()
    }

    fn queue(state: &mut State) -> &mut WaitQueue {
        Pass::queue(state)
    }

    fn waits_for(&self) -> WaitsFor {
        self.pass.waits_for()
    }

    fn poll(&self, state: &mut State) -> Option<Arrival> {
        state.count -= 1;
        if state.count > 0 {
            return self.pass.poll(state).map(|()| Arrival::Passed);
        }
        state.count = self.parties;
        Some(Arrival::Last { opened: state.start_round() })
    }

    fn won(&self, _: Outcome) -> Option<Arrival> {
        Some(Arrival::Passed)
    }

    fn leave(&self, mut state: SpinGuard<'_, State>) -> Option<Arrival> {
        if self.pass.has_opened(&state) {
            return Some(Arrival::Passed);
        }
        state.count += 1;
        None
    }

    fn pass_on(&self, _: Outcome) {}
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("parties", &self.parties).finish_non_exhaustive()
    }
}
