// SPDX-License-Identifier: BSD-3-Clause
//! Points: in a build with `--cfg kcoro_interleave` a worker can lose its turn at every operation of the core's
//! primitives, and not only where it suspends. See [`kcoro_core::interleave`] for what that finds and what not.
//!
//! A worker that loses its turn is left on whatever stack it was on. One that wants a lock which another one holds cannot
//! go on until it is free. A worker that unwinds cannot lose its turn at all, because the count of panics is the thread's:
//! if it wants a lock, the holder is run from inside, point by point, until it has released it (a *rescue*). The same
//! is done for the simulation's own calls into the runtime, which come from outside of all workers.
#![expect(unsafe_code, reason = "suspends workers from any stack; keeps addresses of locks that are waited for")]

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kcoro_core::interleave::{self, Interleave, Registered};

use crate::dice::Question;
use crate::world::World;

/// How many points a worker passes in one turn before others are offered first: as for turns, "go on as you are" must not
/// starve those whom a loop waits for.
const MOST_IN_A_ROW: u64 = 10_000;

/// How many points a run may pass for each step that it may take: two workers that only wait for each other pass many in
/// few steps.
const POINTS_A_STEP: u64 = 50;

/// What a world needs to know for points.
pub(crate) struct Points {
    /// Whose code runs now; `None` for the simulation's own.
    running: Cell<Option<usize>>,
    /// Who goes on after the one that has just lost its turn at a point.
    chosen: Cell<Option<usize>>,
    /// Whether the one that runs does so for another's sake, to release a lock.
    rescuing: Cell<bool>,
    /// What each worker cannot go on without.
    wanted: Box<[Cell<Option<Wanted>>]>,
    /// Whether the one that ran for another's sake waits for a step of a third.
    spun: Cell<bool>,
    race: Cell<Option<&'static str>>,
    /// In the turn that is under way.
    passed: Cell<u64>,
    /// In the whole run.
    total: Cell<u64>,
    has_overrun: Cell<bool>,
}

/// A lock that a worker waits for.
#[derive(Clone, Copy)]
struct Wanted {
    locked: *const AtomicBool,
    /// As [`Interleave::who`] says.
    holder: usize,
}

impl Wanted {
    fn is_locked(self) -> bool {
        // SAFETY: the worker that wants the lock is in the call that was given a reference to it.
        unsafe { &*self.locked }.load(Ordering::Relaxed)
    }
}

impl Points {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            running: Cell::new(None),
            chosen: Cell::new(None),
            rescuing: Cell::new(false),
            wanted: (0..workers).map(|_| Cell::new(None)).collect(),
            spun: Cell::new(false),
            race: Cell::new(None),
            passed: Cell::new(0),
            total: Cell::new(0),
            has_overrun: Cell::new(false),
        }
    }

    /// Notes that `worker` runs during `run`.
    pub(crate) fn running(&self, worker: usize, run: impl FnOnce()) {
        let before = self.running.replace(Some(worker));
        self.passed.set(0);
        run();
        self.running.set(before);
    }

    /// Whether `worker` waits for a lock.
    pub(crate) fn is_blocked(&self, worker: usize) -> bool {
        self.wanted[worker].get().is_some_and(Wanted::is_locked)
    }

    /// Who was chosen at a point.
    pub(crate) fn take_chosen(&self) -> Option<usize> {
        self.chosen.take()
    }

    /// Whether a worker has passed more points in one turn than a run may take steps, or all of them far more in all.
    pub(crate) fn has_overrun(&self) -> bool {
        self.has_overrun.get()
    }

    /// The type of a cell that two workers were in at once.
    pub(crate) fn race(&self) -> Option<&'static str> {
        self.race.get()
    }

    /// The last of those that wait for each other's locks, first of whom is `holder`; `None` if they wait in a circle.
    fn not_blocked(&self, mut holder: usize) -> Option<usize> {
        for _ in 0..=self.wanted.len() {
            match holder.checked_sub(1).and_then(|worker| self.wanted[worker].get()) {
                Some(wanted) if wanted.is_locked() => holder = wanted.holder,
                _ => return Some(holder),
            }
        }
        None
    }
}

impl Interleave for World {
    fn point(&self, at: &'static Location<'static>) {
        let points = self.points();
        let Some(worker) = points.running.get() else { return };
        if points.rescuing.get() {
            self.pause_at_point(worker);
        } else if !thread::panicking() {
            self.pass(worker, at);
        }
    }

    fn blocked(&self, locked: &AtomicBool, holder: usize) {
        let points = self.points();
        match points.running.get() {
            Some(worker) if points.rescuing.get() || !thread::panicking() => {
                points.wanted[worker].set(Some(Wanted { locked, holder }));
                self.pause_at_point(worker);
                points.wanted[worker].set(None);
            }
            _ => self.rescue(locked, holder),
        }
    }

    fn spins(&self) {
        let points = self.points();
        match points.running.get() {
            Some(worker) if points.rescuing.get() => {
                points.spun.set(true);
                self.pause_at_point(worker);
            }
            Some(worker) if !thread::panicking() => self.give_way(worker),
            _ => self.run_others(),
        }
    }

    fn released(&self) {
        let points = self.points();
        if let (true, Some(worker)) = (points.rescuing.get(), points.running.get()) {
            self.pause_at_point(worker);
        }
    }

    fn who(&self) -> usize {
        self.points().running.get().map_or(0, |worker| worker + 1)
    }

    fn is_unwinding(&self) -> bool {
        thread::panicking() && !self.points().rescuing.get()
    }

    fn race(&self, what: &'static str) {
        let points = self.points();
        points.race.set(points.race.get().or(Some(what)));
        // The run ends here; it is not given another turn.
        if let Some(worker) = points.running.get()
            && (points.rescuing.get() || !thread::panicking())
        {
            self.pause_at_point(worker);
        }
    }
}

impl World {
    /// `worker`, which runs, is at a point, and goes on or loses its turn.
    fn pass(&self, worker: usize, at: &'static Location<'static>) {
        let points = self.points();
        let passed = points.passed.get() + 1;
        points.passed.set(passed);
        let total = points.total.get() + 1;
        points.total.set(total);
        if passed > self.laws.step_limit || total / POINTS_A_STEP > self.laws.step_limit {
            // The run ends here; it is not given another turn.
            points.has_overrun.set(true);
            self.pause_at_point(worker);
        } else if let Some(other) = self.who_goes_on(worker, passed) {
            points.chosen.set(Some(other));
            self.note_loses(worker, at);
            self.pause_at_point(worker);
        }
    }

    /// Who goes on instead of `worker`, if anyone.
    fn who_goes_on(&self, worker: usize, passed: u64) -> Option<usize> {
        let mut turns = self.turns();
        let first = if passed.is_multiple_of(MOST_IN_A_ROW) { worker + 1 } else { worker };
        turns.offer_from(first, self.laws.workers, |other| other == worker || self.can_go_on(other));
        let nth = self.dice().draw(Question::Preempt(turns.offered()));
        (turns.offered()[nth] != worker).then(|| turns.take(nth))
    }

    /// `worker`, which runs, can do nothing before another one has taken a step.
    fn give_way(&self, worker: usize) {
        let mut turns = self.turns();
        turns.offer_from(worker + 1, self.laws.workers, |other| other != worker && self.can_go_on(other));
        if !turns.offered().is_empty() {
            let nth = self.dice().draw(Question::Turn(turns.offered()));
            self.points().chosen.set(Some(turns.take(nth)));
        }
        drop(turns);
        self.pause_at_point(worker);
    }

    /// Lets each other worker pass a point, on behalf of one that unwinds.
    fn run_others(&self) {
        for worker in 0..self.laws.workers {
            if worker + 1 != self.who() && self.can_go_on(worker) {
                self.resume_for_another(worker);
            }
        }
    }

    /// Lets `worker` pass a point for the sake of the one that runs.
    fn resume_for_another(&self, worker: usize) {
        let before = self.points().rescuing.replace(true);
        self.resume(worker);
        self.points().rescuing.set(before);
    }

    fn note_loses(&self, worker: usize, at: &'static Location<'static>) {
        self.trail_mut().note_loses(self.passed_ns(), worker, at);
    }

    fn pause_at_point(&self, worker: usize) {
        let seat = self.seat(worker).expect("only the simulation's thread runs its workers");
        // SAFETY: the worker runs, so the caller is inside of its seat's last resume; it is resumed by its seat only, and
        // seats are not dropped before their workers have ended.
        unsafe { seat.pause_on_any_stack() };
    }

    /// Runs whoever holds the lock until it is free.
    fn rescue(&self, locked: &AtomicBool, holder: usize) {
        let points = self.points();
        while locked.load(Ordering::Relaxed) {
            let holder = points.not_blocked(holder).filter(|holder| *holder != self.who());
            match holder.map(|holder| holder.checked_sub(1)) {
                Some(Some(worker)) if points.race().is_none() => {
                    self.resume_for_another(worker);
                    if points.spun.take() {
                        self.run_others();
                    }
                }
                // A thread of no simulation.
                Some(None) => thread::yield_now(),
                _ => panic!("a lock of the runtime is never released: its holder waits for another one"),
            }
        }
    }
}

/// While this exists, `world` has the points of this thread.
pub(crate) struct Registration {
    before: Registered,
    _world: Arc<World>,
}

impl Registration {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let interleave: *const World = Arc::as_ptr(world);
        // SAFETY: the world is kept until `drop`, which registers what was before.
        let before = unsafe { interleave::register(Some(interleave)) };
        Self { before, _world: world.clone() }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: it was registered when this was made, by one that lives longer.
        unsafe { interleave::register(self.before) };
    }
}
