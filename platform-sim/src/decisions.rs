// SPDX-License-Identifier: BSD-3-Clause
//! The trace of a run: every scheduling decision, as one hash.

use std::cell::Cell;

/// What was decided. The numbers are part of the hash: they stay.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    /// This worker has the next turn.
    Worker(usize),
    /// A worker took this one of so many options.
    Choice { chosen: usize, options: usize },
    /// A worker runs the coroutine of this number.
    Runs { worker: usize, coroutine: u64 },
    /// The clock jumped to this reading.
    Jump { now_ns: u64 },
}

impl Decision {
    fn words(self) -> [u64; 3] {
        match self {
            Decision::Worker(worker) => [1, worker as u64, 0],
            Decision::Choice { chosen, options } => [2, chosen as u64, options as u64],
            Decision::Runs { worker, coroutine } => [3, worker as u64, coroutine],
            Decision::Jump { now_ns } => [4, now_ns, 0],
        }
    }
}

/// A running FNV-1a of 64 bits: simple, and the same on every machine.
#[derive(Debug)]
pub(crate) struct Trace(Cell<u64>);

impl Trace {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    pub(crate) fn new() -> Self {
        Self(Cell::new(Self::OFFSET_BASIS))
    }

    pub(crate) fn note(&self, decision: Decision) {
        let words = decision.words().map(u64::to_le_bytes);
        let bytes = words.as_flattened().iter();
        self.0.set(bytes.fold(self.0.get(), |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(Self::PRIME)));
    }

    pub(crate) fn hash(&self) -> u64 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Trace};

    fn hash_of(decisions: &[Decision]) -> u64 {
        let trace = Trace::new();
        decisions.iter().for_each(|decision| trace.note(*decision));
        trace.hash()
    }

    #[test]
    fn kind_value_and_order_all_count() {
        let hashes = [
            hash_of(&[]),
            hash_of(&[Decision::Worker(1)]),
            hash_of(&[Decision::Jump { now_ns: 1 }]),
            hash_of(&[Decision::Worker(1), Decision::Worker(0)]),
            hash_of(&[Decision::Worker(0), Decision::Worker(1)]),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len(), "{hashes:x?}");
    }
}
