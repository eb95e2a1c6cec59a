// SPDX-License-Identifier: BSD-3-Clause
//! What a worker does differently when its platform makes the scheduling choices (a simulator).
//!
//! The switches themselves know nothing of it: the tick is set so that the base loop is always due.

use core::ptr::{self, NonNull};

use super::queues::BASE_EVERY;
use super::worker::{Next, Worker};
use crate::platform::{Choices, Running};
use crate::task::header::Header;

/// How many of the coroutines that are bound to a worker are offered at once: choosing takes time for each.
const MOST_OFFERED: usize = 64;

impl Worker {
    /// Who makes the choices, if the workers do not.
    #[inline]
    pub(super) fn choices(&self) -> Option<&dyn Choices> {
        // Asked here first, because the base loop is visited too often for a call through the platform.
        if self.local.asks_platform.get() { self.runtime().platform().choices() } else { None }
    }

    /// Asks the platform, once per base loop, who makes the choices.
    pub(super) fn note_who_chooses(&self) {
        self.local.asks_platform.set(self.runtime().platform().choices().is_some());
    }

    /// The platform may run other workers before this one goes on.
    pub(super) fn offer_turn(&self) {
        if let Some(choices) = self.choices() {
            choices.at_base(self.index, self.shared.timers.next_expiry_ns());
        }
    }

    /// Tells the platform what runs next, and makes the switch after it a visit of the base loop.
    pub(super) fn announce(&self, header: &Header) {
        if let Some(choices) = self.choices() {
            self.local.tick.set(BASE_EVERY - 1);
            choices.runs(self.index, Running::new(header.id, header.name, header.spawn_site));
        }
    }

    /// How to go on with `target`, which is ours, when it is named by the one that runs: straight, or by way of the base
    /// loop, where the platform may let other workers run first.
    pub(super) fn way_to(&self, target: NonNull<Header>) -> Next {
        if self.choices().is_none() {
            return Next::Task(target);
        }
        self.local.to_start.set(target.as_ptr());
        Next::Base
    }

    /// A number below `options`, which is not zero; zero unless the platform chooses.
    pub(super) fn choose(&self, options: usize) -> usize {
        match self.choices() {
            Some(choices) if options > 1 => choices.choose(self.index, options).min(options - 1),
            _ => 0,
        }
    }

    /// A number below `options`, which is not zero: the platform's choice, or drawn.
    pub(super) fn choose_or_draw(&self, options: usize) -> usize {
        if self.choices().is_some() {
            return self.choose(options);
        }
        self.head.random.seed(self.index as u64 ^ self.head.cached_now_ns.get() << 16);
        self.head.random.below(options)
    }

    /// Lets the platform choose among all that is ready here.
    pub(super) fn choose_ready(&self) -> Option<NonNull<Header>> {
        if let Some(newest) = NonNull::new(self.local.lifo.replace(ptr::null_mut())) {
            self.push_last(newest);
        }
        // Whoever sleeps was told of the one in the slot when it came there: it may move on unseen.
        if let Some(newest) = self.shared.slot.take() {
            self.push_stealable_last(newest);
        }
        let bound = self.bound_ready().min(MOST_OFFERED);
        let options = bound + self.shared.stealable.len();
        if options == 0 {
            return None;
        }
        let chosen = self.choose(options);
        if chosen < bound {
            return self.take_bound(chosen);
        }
        // Thieves may have been faster: then it is one of the bound, which nobody else would run.
        self.take_stealable(chosen - bound).or_else(|| self.pop_bound())
    }

    /// Takes the bound task behind `before` others, which go to the end.
    fn take_bound(&self, before: usize) -> Option<NonNull<Header>> {
        for _ in 0..before {
            self.push_last(self.pop_bound()?);
        }
        self.pop_bound()
    }

    /// As [`Worker::take_bound`], of those that could be stolen.
    fn take_stealable(&self, before: usize) -> Option<NonNull<Header>> {
        for _ in 0..before {
            self.push_stealable_last(self.pop_stealable()?);
        }
        self.pop_stealable()
    }
}
