// SPDX-License-Identifier: BSD-3-Clause
//! The simulated machine: its workers, its clock, and the dice.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use kcoro_core::platform::{ClockId, Running, StartError, WorkerEntry};

use crate::decisions::{Decision, Trace};
use crate::dice::{Dice, Question};
use crate::failure::Touched;
use crate::owned::Owned;
use crate::points::Points;
use crate::real::{self, Allowed, Real};
use crate::schedule::Schedule;
use crate::seat::{Seat, State};
use crate::trail::Trail;
use crate::turns::Turns;
use crate::watchdog::Watch;

/// Where the virtual clock starts, so that "a moment ago" is a number, too.
const START_NS: u64 = 1_000_000_000;

/// Why a run cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// Every worker waits, none with a deadline.
    Deadlock,
    /// The run took all its steps.
    StepLimit,
    /// Two workers were in a cell of this type at once.
    Race(&'static str),
}

/// What a world is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Laws {
    pub(crate) workers: usize,
    pub(crate) step_limit: u64,
    pub(crate) step_cost_ns: u64,
    /// Zero: never.
    pub(crate) early_jump_one_in: u32,
    /// How much real time a turn may take.
    pub(crate) turn_time: Duration,
    /// How many coroutines may be alive at once.
    pub(crate) limit: Option<usize>,
    /// What of the real world its coroutines may touch.
    pub(crate) allowed: Allowed,
}

/// See the [module](self).
pub(crate) struct World {
    pub(crate) clock: ClockId,
    pub(crate) laws: Laws,
    pub(crate) watch: Arc<Watch>,
    /// Written by the simulation's thread only; any thread may read the clock.
    now_ns: AtomicU64,
    inside: Owned<Inside>,
}

/// What the simulation's thread alone uses.
struct Inside {
    seats: Vec<Seat>,
    dice: Dice,
    turns: RefCell<Turns>,
    points: Points,
    trace: Trace,
    trail: RefCell<Trail>,
    touched: RefCell<Option<Touched>>,
    steps: Cell<u64>,
}

impl World {
    pub(crate) fn new(dice: Dice, laws: Laws) -> Arc<Self> {
        // Clocks of simulations have the upper half of the numbers. They name a clock and decide nothing.
        static CLOCKS: AtomicU32 = AtomicU32::new(0);
        let clock = ClockId(1 << 31 | CLOCKS.fetch_add(1, Ordering::Relaxed));
        let seats = (0..laws.workers).map(|_| Seat::new()).collect();
        let inside = Inside {
            seats,
            dice,
            turns: RefCell::default(),
            points: Points::new(laws.workers),
            trace: Trace::new(),
            trail: RefCell::default(),
            touched: RefCell::default(),
            steps: Cell::new(0),
        };
        let watch = Watch::new(laws.workers, laws.turn_time);
        Arc::new(Self { clock, laws, watch, now_ns: AtomicU64::new(START_NS), inside: Owned::new(inside) })
    }

    pub(crate) fn now_ns(&self) -> u64 {
        // Relaxed: one writer, and a number that stands for nothing else.
        self.now_ns.load(Ordering::Relaxed)
    }

    /// How much virtual time has passed since the start.
    pub(crate) fn passed_ns(&self) -> u64 {
        self.now_ns() - START_NS
    }

    pub(crate) fn steps(&self) -> u64 {
        self.inside().steps.get()
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        self.inside().trace.hash()
    }

    /// All that has been drawn.
    pub(crate) fn drawn(&self) -> Schedule {
        self.inside().dice.drawn()
    }

    /// The last decisions.
    pub(crate) fn trail(&self) -> Trail {
        self.inside().trail.borrow().clone()
    }

    /// Notes that the coroutine whose turn it is touched something real. The first counts.
    pub(crate) fn note_touched(&self, what: Real) {
        // The runtime itself may: it maps stacks, for one.
        if !self.laws.allowed.has(what)
            && let Some(inside) = self.inside.get()
            && inside.touched.borrow().is_none()
            && let Some(running) = self.watch.running()
        {
            inside.touched.replace(Some(Touched { what, by: running.into() }));
        }
    }

    /// What was touched first of all that is not allowed.
    pub(crate) fn touched(&self) -> Option<Touched> {
        self.inside().touched.borrow().clone()
    }

    /// Whether the caller is on another thread than the simulation.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.inside.get().is_none()
    }

    /// The seat of worker `index`; `None` on a foreign thread.
    pub(crate) fn seat(&self, index: usize) -> Option<&Seat> {
        self.inside.get().map(|inside| &inside.seats[index])
    }

    pub(crate) fn start(self: &Arc<Self>, index: usize, entry: WorkerEntry) -> Result<(), StartError> {
        let Some(seat) = self.inside.get().and_then(|inside| inside.seats.get(index)) else {
            return Err(StartError::Unsupported("a simulated worker is started by the simulation itself"));
        };
        let world = self.clone();
        seat.start(entry, move |yielder| world.inside().seats[index].enter(yielder))
    }

    /// One of `options`, as the dice decide.
    pub(crate) fn choose(&self, options: usize) -> usize {
        let inside = self.inside();
        let chosen = inside.dice.draw(Question::Take(options));
        inside.trace.note(Decision::Choice { chosen, options });
        chosen
    }

    pub(crate) fn note_runs(&self, worker: usize, coroutine: Running) {
        let inside = self.inside();
        inside.trace.note(Decision::Runs { worker, coroutine: coroutine.id });
        inside.trail.borrow_mut().note_runs(self.passed_ns(), worker, coroutine);
        self.watch.runs(worker, coroutine);
    }

    /// Gives turns to workers until `is_over`.
    pub(crate) fn drive(&self, is_over: impl Fn() -> bool) -> Result<(), Stuck> {
        while !is_over() {
            self.step()?;
        }
        Ok(())
    }

    pub(crate) fn all_ended(&self) -> bool {
        self.inside().seats.iter().all(|seat| matches!(seat.state(), State::Empty | State::Ended))
    }

    fn step(&self) -> Result<(), Stuck> {
        let inside = self.inside();
        if inside.steps.get() >= self.laws.step_limit || inside.points.has_overrun() {
            return Err(Stuck::StepLimit);
        }
        if let Some(what) = inside.points.race() {
            return Err(Stuck::Race(what));
        }
        if !(0..self.laws.workers).any(|worker| self.can_go_on(worker)) {
            self.jump()?;
        } else {
            self.jump_early();
        }
        let chosen = inside.points.take_chosen().filter(|worker| self.can_go_on(*worker));
        let worker = chosen.unwrap_or_else(|| self.next_worker());
        inside.trace.note(Decision::Worker(worker));
        inside.steps.set(inside.steps.get() + 1);
        self.watch.turn(worker, || self.resume(worker));
        self.now_ns.store(self.now_ns().saturating_add(self.laws.step_cost_ns), Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn resume(&self, worker: usize) {
        let inside = self.inside();
        inside.points.running(worker, || real::watched(self, || inside.seats[worker].resume()));
    }

    pub(crate) fn can_go_on(&self, worker: usize) -> bool {
        let inside = self.inside();
        inside.seats[worker].is_runnable(self.now_ns()) && !inside.points.is_blocked(worker)
    }

    /// Whose turn it is, of those that can go on.
    fn next_worker(&self) -> usize {
        let inside = self.inside();
        let mut turns = inside.turns.borrow_mut();
        turns.offer(inside.seats.len(), |worker| self.can_go_on(worker));
        let nth = inside.dice.draw(Question::Turn(turns.offered()));
        turns.take(nth)
    }

    /// Sets the clock to the next deadline.
    fn jump(&self) -> Result<(), Stuck> {
        let deadlines = self.inside().seats.iter().filter_map(|seat| match seat.state() {
            State::Parked { deadline_ns } => deadline_ns,
            State::Empty | State::Runnable | State::Ended => None,
        });
        self.jump_to(deadlines.min().ok_or(Stuck::Deadlock)?);
        Ok(())
    }

    /// Lets the clock jump although some worker can go on, if that is asked for and the dice say so.
    fn jump_early(&self) {
        let one_in = self.laws.early_jump_one_in;
        if one_in == 0 {
            return;
        }
        let timers = self.inside().seats.iter().filter_map(Seat::next_timer_ns);
        let to_come = timers.filter(|timer_ns| *timer_ns > self.now_ns()).min();
        if let Some(now_ns) = to_come
            && self.inside().dice.draw(Question::EarlyJump { one_in }) > 0
        {
            self.jump_to(now_ns);
        }
    }

    fn jump_to(&self, now_ns: u64) {
        self.now_ns.store(now_ns, Ordering::Relaxed);
        self.inside().trace.note(Decision::Jump { now_ns });
        self.inside().trail.borrow_mut().note_jump(self.passed_ns());
    }

    #[cfg(kcoro_interleave)]
    pub(crate) fn points(&self) -> &Points {
        &self.inside().points
    }

    #[cfg(kcoro_interleave)]
    pub(crate) fn trail_mut(&self) -> std::cell::RefMut<'_, Trail> {
        self.inside().trail.borrow_mut()
    }

    #[cfg(kcoro_interleave)]
    pub(crate) fn dice(&self) -> &Dice {
        &self.inside().dice
    }

    #[cfg(kcoro_interleave)]
    pub(crate) fn turns(&self) -> std::cell::RefMut<'_, Turns> {
        self.inside().turns.borrow_mut()
    }

    fn inside(&self) -> &Inside {
        self.inside.get().expect("only the simulation's thread runs its workers")
    }
}
