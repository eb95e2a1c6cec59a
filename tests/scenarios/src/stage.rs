// SPDX-License-Identifier: BSD-3-Clause
//! What a scenario is, what it needs, and what it finds where it is played.

/// Something that some runtimes have and others have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Two workers or more.
    TwoWorkers,
    /// Two workers or more that run at the same time: one that computes and never suspends does not hold up the other.
    Parallel,
    /// Workers that run what is ready in the order of their queues, not in the order that a simulator's seed decides.
    QueueOrder,
    /// Time that passes only while everybody waits for it: nothing is late.
    StillTime,
    /// Panics that end at the root of their coroutine.
    Unwinding,
    /// A machine with floating-point control (an interpreter has none).
    FpControl,
    /// At most this many live coroutines, the scenario's own included. The runner builds the runtime so.
    Limit(usize),
}

/// How much a scenario does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As little as shows the promise: for interpreters, and for simulators, which play each scenario often.
    Small,
    /// Enough to meet what happens seldom.
    Full,
}

/// Where a scenario is played.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    workers: usize,
    size: Size,
    offers: &'static [Need],
}

impl Stage {
    /// A runtime with this many workers, which is asked to do this much, and has what `offers` says. What follows from the
    /// number of workers, and limits, need not be offered.
    pub const fn new(workers: usize, size: Size, offers: &'static [Need]) -> Self {
        Self { workers, size, offers }
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// One of two numbers, as the size of the stage says.
    pub fn pick(&self, small: u32, full: u32) -> u32 {
        match self.size {
            Size::Small => small,
            Size::Full => full,
        }
    }

    /// Whether `scenario` finds here what it needs.
    pub fn fits(&self, scenario: &Scenario) -> bool {
        scenario.needs.iter().all(|need| self.has(*need))
    }

    /// Whether this is one of the things that are here.
    pub fn has(&self, need: Need) -> bool {
        match need {
            Need::TwoWorkers => self.workers >= 2,
            Need::Parallel => self.workers >= 2 && self.offers.contains(&need),
            Need::Limit(_) => true,
            Need::QueueOrder | Need::StillTime | Need::Unwinding | Need::FpControl => self.offers.contains(&need),
        }
    }
}

/// A promise that every backend keeps, and how to see it.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it shows, as `room::promise`.
    pub name: &'static str,
    /// What it cannot do without.
    pub needs: &'static [Need],
    /// Call it in a coroutine; it panics when the promise does not hold.
    pub run: fn(&Stage),
}

impl Scenario {
    /// How many coroutines may be alive at once in the runtime that this is played on.
    pub fn limit(&self) -> Option<usize> {
        self.needs.iter().find_map(|need| if let Need::Limit(limit) = need { Some(*limit) } else { None })
    }
}
