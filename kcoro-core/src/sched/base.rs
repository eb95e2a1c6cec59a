// SPDX-License-Identifier: BSD-3-Clause
//! The base loop: what a worker does on its own stack when no coroutine of it runs, and at every 61st switch.
//!
//! ```text
//!   look: inbox, injector, timers ---> start what could not start elsewhere ---> run what is ready
//!                                                                                      | nothing
//!        sleep <--- last check of everything <--- say "I sleep" <--- search others <---+
//! ```
//!
//! Going to sleep: the worker sets its bit in the idle set and puts its inbox to sleep, then looks once more at every
//! place where work can be, with a read-modify-write on each. A pusher does a read-modify-write on the same place before
//! it reads the idle set. Whichever comes second sees the other, so no work is left behind by sleepers.
#![expect(unsafe_code, reason = "starts and rejects tasks that the worker owns")]

use core::ptr::{self, NonNull};

use super::idle::CancelSleep;
use super::phase::Phase;
use super::stack_cache::Warmth;
use super::worker::Worker;
use crate::task::header::{Header, Rejected};
use crate::task::schedule::NO_DEADLINE;
use crate::trace::Event;

/// How many tasks a worker takes from the injector at most per visit.
const INJECTOR_BATCH: usize = 128;
/// How many rounds a searching worker makes before it sleeps, while another worker is awake to make work.
const SEARCH_ROUNDS: usize = 12;
/// How long an idle worker keeps the memory of its idle stacks.
const STACKS_STAY_WARM_NS: u64 = 50_000_000;
/// How long a searching worker spins between rounds.
const SPINS_PER_ROUND: usize = 40;

/// Coroutines are suspended above the base loop, and what they borrow may lie below it: it ends by returning only.
struct AbortIfUnwound;

impl Drop for AbortIfUnwound {
    fn drop(&mut self) {
        super::fatal(format_args!("the platform panicked in a worker's base loop"));
    }
}

impl Worker {
    /// Runs coroutines until `is_over` says so; asked whenever the base context is reached.
    ///
    /// # Safety
    ///
    /// Called on the thread that is this worker, with the ambient pointer set to it.
    pub(super) unsafe fn run_base_loop(&self, is_over: impl Fn() -> bool) {
        let unwound = AbortIfUnwound;
        let mut searching = false;
        self.note_who_chooses();
        loop {
            self.offer_turn();
            self.look_around();
            if is_over() {
                break;
            }
            let task = NonNull::new(self.local.to_start.replace(ptr::null_mut())).or_else(|| self.next_from_base());
            if let Some(task) = task {
                if core::mem::take(&mut searching) {
                    self.runtime().note_work_found();
                }
                // SAFETY: forwarded; the task came from our own queue.
                unsafe { self.run(task) };
                continue;
            }
            match self.search(searching) {
                Some(task) => {
                    searching = false;
                    // SAFETY: forwarded; the task came from a queue.
                    unsafe { self.run(task) };
                }
                None => searching = self.sleep(&is_over),
            }
        }
        if searching {
            self.runtime().idle.end_search();
        }
        core::mem::forget(unwound);
    }

    /// Takes in what came from outside: inbox, injector, timers.
    fn look_around(&self) {
        self.drain_inbox();
        self.take_from_injector();
        self.shared.counters.note_run_queue(self.ready_len());
        self.head.cached_now_ns.set(self.runtime().platform().now_ns());
        self.expire_timers();
    }

    fn take_from_injector(&self) {
        let runtime = self.runtime();
        let waiting = runtime.injector.len();
        if waiting == 0 {
            return;
        }
        // A fair share, so that one worker does not take what the others could.
        let share = (waiting / runtime.workers().len() + 1).min(INJECTOR_BATCH);
        let mut batch = runtime.injector.pop_batch(share);
        self.shared.counters.injected.add(batch.len() as u64);
        while let Some(task) = batch.pop_front() {
            if batch.is_empty() {
                // The last one goes over the slot, which shows them all to who falls asleep.
                self.push_stealable(task);
            } else {
                self.push_stealable_last(task);
            }
        }
    }

    /// Runs `task` until some coroutine switches back to the base.
    ///
    /// # Safety
    ///
    /// As [`Worker::run_base_loop`]; the caller owns the task.
    unsafe fn run(&self, task: NonNull<Header>) {
        // SAFETY: the caller owns the task.
        let header = unsafe { task.as_ref() };
        self.announce(header);
        if !header.is_started() {
            if let Some(why) = self.refusal(header) {
                return self.reject(task, why);
            }
            match self.stack_from_base(task) {
                // SAFETY: the caller owns the task, which has not started.
                Ok(stack) => unsafe { self.start(task, stack) },
                Err(why) => return self.reject(task, Rejected::NoStack(why)),
            }
        }
        // SAFETY: forwarded.
        unsafe { self.run_from_base(task) };
    }

    /// Looks for work elsewhere. `searching` says whether this worker is already counted as searching.
    fn search(&self, searching: bool) -> Option<NonNull<Header>> {
        let runtime = self.runtime();
        if runtime.workers().len() == 1 {
            return None;
        }
        if !searching && !runtime.idle.try_start_search() {
            return None;
        }
        // Where the platform runs the workers in turn, nothing comes while this one looks.
        let rounds = if self.choices().is_some() { 1 } else { SEARCH_ROUNDS };
        for _ in 0..rounds {
            if let Some(task) = self.search_once() {
                runtime.note_work_found();
                return Some(task);
            }
            if runtime.phase.get() != Phase::Open || !runtime.idle.others_awake() {
                break;
            }
            for _ in 0..SPINS_PER_ROUND {
                core::hint::spin_loop();
            }
        }
        runtime.idle.end_search();
        None
    }

    fn search_once(&self) -> Option<NonNull<Header>> {
        if self.drain_inbox() {
            return self.next_from_base();
        }
        self.take_from_injector();
        self.pop_stealable().or_else(|| self.steal())
    }

    /// Takes up to half of another worker's stealable queue. Not what is in its slot: a single task is soonest run by the
    /// worker that spawned it, unless its coroutine computes for long. So it is left there for as long as the search
    /// goes on, and taken by the last check before the sleep.
    fn steal(&self) -> Option<NonNull<Header>> {
        const AT_ONCE: usize = 32;
        let workers = self.runtime().workers();
        let others = workers.len() - 1;
        let first = self.choose(others);
        for distance in (0..others).map(|nth| 1 + (first + nth) % others) {
            let victim = &workers[(self.index + distance) % workers.len()].shared;
            let mut taken = [None; AT_ONCE];
            let count = victim.stealable.steal_into(&mut taken);
            let mut taken = taken[..count].iter().flatten();
            let first = taken.next().copied();
            for &task in taken {
                self.push_stealable_last(task);
            }
            if count > 1 {
                self.show_stealable();
            }
            if first.is_some() {
                self.shared.counters.steals.add(count as u64);
                self.tell(|| Event::Stole { count: count as u64 });
                return first;
            }
        }
        None
    }

    /// Sleeps until a wake or the next timer. The memory of idle stacks is kept for a while, in case work comes soon, and
    /// given back if none does.
    fn park_worker(&self) {
        let platform = self.runtime().platform();
        let timer_ns = self.shared.timers.plan_sleep().unwrap_or(NO_DEADLINE).min(self.local.wake_by_ns.get());
        let cool_ns = match self.stacks().warmth() {
            Warmth::Warm if self.choices().is_none() => platform.now_ns().saturating_add(STACKS_STAY_WARM_NS),
            Warmth::Warm | Warmth::Cold => NO_DEADLINE,
        };
        let deadline_ns = timer_ns.min(cool_ns);
        self.shared.counters.sleeps.bump();
        self.tell(|| Event::WorkerIdle);
        platform.park(self.index, (deadline_ns != NO_DEADLINE).then_some(deadline_ns));
        self.shared.timers.end_sleep();
        self.tell(|| Event::WorkerAwake);
        if cool_ns != NO_DEADLINE && platform.now_ns() >= cool_ns {
            self.stacks().cool(platform);
        }
    }

    /// Shows what was put into the stealable queue to who falls asleep, by a change of the meeting point.
    fn show_stealable(&self) {
        if let Some(task) = self.shared.slot.take_or_register() {
            self.push_stealable(task);
        }
    }

    /// Sleeps until there may be work. Returns whether this worker is counted as searching when it wakes.
    fn sleep(&self, is_over: &impl Fn() -> bool) -> bool {
        let runtime = self.runtime();
        runtime.idle.set_sleeping(self.index);
        if self.work_is_left() || !self.shared.inbox.try_sleep() {
            let claimed = self.end_sleep();
            if !claimed {
                // Who made work meanwhile may have left it to us, who now have other things to do.
                runtime.wake_one_worker();
            }
            return claimed;
        }
        if is_over() {
            self.shared.inbox.awake();
            return self.end_sleep();
        }
        self.park_worker();
        self.shared.inbox.awake();
        let claimed = self.end_sleep();
        self.tell_of_ends();
        claimed
    }

    /// Who closes the runtime may not have seen the end of our last coroutine, nor that end the close: see [`ends`](super::ends).
    fn tell_of_ends(&self) {
        if self.local.made_up.is_due(&self.runtime().phase) {
            self.runtime().note_ended_while_closing();
        }
    }

    fn end_sleep(&self) -> bool {
        match self.runtime().idle.cancel_sleep(self.index) {
            CancelSleep::AlreadyClaimed => true,
            CancelSleep::Cancelled => false,
        }
    }

    /// The last look before the sleep: a read-modify-write on each place where a pusher does one. What it finds goes to
    /// the own queue.
    fn work_is_left(&self) -> bool {
        let runtime = self.runtime();
        let found = runtime.workers().iter().find_map(|worker| {
            let task = worker.shared.slot.take_or_register()?;
            if worker.index != self.index {
                self.shared.counters.steals.bump();
                self.tell(|| Event::Stole { count: 1 });
            }
            Some(task)
        });
        let found =
            found.or_else(|| runtime.injector.pop_or_register().inspect(|_| self.shared.counters.injected.bump()));
        if let Some(task) = found {
            self.push_stealable_last(task);
            return true;
        }
        runtime.workers().iter().any(|worker| worker.shared.stealable.len() > 0)
    }
}
