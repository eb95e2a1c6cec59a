// SPDX-License-Identifier: BSD-3-Clause
//! The place of one simulated worker: a coroutine that runs the worker's loop, and what it waits for.
#![expect(unsafe_code, reason = "reaches a running coroutine's yielder; exchanges the ambient pointer")]

use std::cell::{Cell, RefCell};

use kcoro_core::coroutine::{Coroutine, Yielder};
use kcoro_core::platform::ambient::{self, WorkerContext};
use kcoro_core::platform::{StartError, WorkerEntry};
use kcoro_posix::GuardedStack;

/// A worker's own stack holds its base loop, and drops of closures that never started.
const STACK_SIZE_BYTES: usize = 256 * 1024;

type WorkerCoroutine = Coroutine<(), (), (), GuardedStack>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No worker has started here.
    Empty,
    /// It can go on.
    Runnable,
    /// It waits for a wake, or for its deadline.
    Parked { deadline_ns: Option<u64> },
    /// Its loop has ended.
    Ended,
}

/// See the [module](self).
pub(crate) struct Seat {
    coroutine: RefCell<Option<WorkerCoroutine>>,
    /// The way out of the worker's coroutine; null before its first resume and after its end.
    yielder: Cell<*const Yielder<(), ()>>,
    /// The worker's ambient pointer while it does not run.
    context: Cell<WorkerContext>,
    state: Cell<State>,
    /// When the worker's next timer is due, as it said last.
    timer_ns: Cell<Option<u64>>,
    /// A wake that no park has taken.
    woken: Cell<bool>,
}

impl Seat {
    pub(crate) fn new() -> Self {
        Self {
            coroutine: RefCell::new(None),
            yielder: Cell::new(std::ptr::null()),
            context: Cell::new(WorkerContext::OUTSIDE),
            state: Cell::new(State::Empty),
            timer_ns: Cell::new(None),
            woken: Cell::new(false),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state.get()
    }

    pub(crate) fn is_runnable(&self, now_ns: u64) -> bool {
        match self.state.get() {
            State::Runnable => true,
            State::Parked { deadline_ns } => self.woken.get() || deadline_ns.is_some_and(|due_ns| due_ns <= now_ns),
            State::Empty | State::Ended => false,
        }
    }

    /// Seats a worker. `enter` calls [`Seat::enter`] of this seat, from inside: a borrow cannot enter a coroutine.
    pub(crate) fn start(
        &self,
        entry: WorkerEntry,
        enter: impl FnOnce(*const Yielder<(), ()>) + 'static,
    ) -> Result<(), StartError> {
        let stack = GuardedStack::new(STACK_SIZE_BYTES)
            .map_err(|_| StartError::Unsupported("no memory for the stack of a simulated worker"))?;
        let body = move |yielder: &Yielder<(), ()>, ()| {
            enter(yielder);
            entry.run();
        };
        let coroutine = Coroutine::try_new(stack, body)
            .map_err(|_| StartError::Unsupported("coroutines do not work on this machine"))?;
        *self.coroutine.borrow_mut() = Some(coroutine);
        self.state.set(State::Runnable);
        Ok(())
    }

    pub(crate) fn enter(&self, yielder: *const Yielder<(), ()>) {
        self.yielder.set(yielder);
    }

    /// Lets the worker go on until it suspends or ends. Called by the simulation's thread, outside of all workers.
    pub(crate) fn resume(&self) {
        self.state.set(State::Runnable);
        let mut coroutine = self.coroutine.borrow_mut();
        let coroutine = coroutine.as_mut().expect("a runnable seat is taken");
        // SAFETY: the context is that of the worker that runs from here to the next exchange, or `OUTSIDE` before it has
        // become one; its runtime lives at least as long as its loop runs.
        let outside = unsafe { ambient::exchange(self.context.get()) };
        coroutine.resume(());
        // SAFETY: we are back in the flow of control that `outside` was taken from.
        self.context.set(unsafe { ambient::exchange(outside) });
        if coroutine.is_done() {
            self.yielder.set(std::ptr::null());
            self.state.set(State::Ended);
        }
    }

    /// The worker, which is the caller, has its next timer at `deadline_ns`.
    pub(crate) fn expect_timer(&self, deadline_ns: Option<u64>) {
        self.timer_ns.set(deadline_ns);
    }

    /// When the worker's next timer is due, whether it sleeps until then or not.
    pub(crate) fn next_timer_ns(&self) -> Option<u64> {
        match self.state.get() {
            State::Parked { deadline_ns } => deadline_ns,
            State::Runnable => self.timer_ns.get(),
            State::Empty | State::Ended => None,
        }
    }

    /// The worker, which is the caller, gives its turn away.
    pub(crate) fn pause(&self) {
        // SAFETY: null, or the yielder of a coroutine that has not ended, which is on that coroutine's stack.
        let yielder = unsafe { self.yielder.get().as_ref() };
        // A caller on any other stack than the worker's is refused by the yielder itself.
        yielder.expect("only a worker that runs gives its turn away").suspend(());
    }

    /// As [`Seat::pause`], from whatever stack the worker is on.
    ///
    /// # Safety
    ///
    /// The caller is inside of this seat's last [`Seat::resume`]. The seat is not dropped while it is paused.
    #[cfg(kcoro_interleave)]
    pub(crate) unsafe fn pause_on_any_stack(&self) {
        // SAFETY: as in `pause`.
        let yielder = unsafe { self.yielder.get().as_ref() }.expect("only a worker that runs gives its turn away");
        // SAFETY: the caller's promise. All stacks above the worker's are resumed by the worker only, in its turns.
        unsafe { yielder.suspend_from_any_stack() };
    }

    /// The worker, which is the caller, waits for a wake or for `deadline_ns`.
    pub(crate) fn park(&self, deadline_ns: Option<u64>) {
        if !self.woken.take() {
            self.state.set(State::Parked { deadline_ns });
            self.pause();
            self.woken.set(false);
        }
    }

    pub(crate) fn wake(&self) {
        self.woken.set(true);
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use kcoro_core::platform::WorkerEntry;

    use super::{Seat, State};

    /// The loop of a worker that parks twice.
    unsafe fn park_twice(seat: *const ()) {
        // SAFETY: the test keeps the seat until the worker has ended.
        let seat = unsafe { &*seat.cast::<Seat>() };
        seat.park(None);
        seat.park(Some(5));
    }

    #[test]
    fn a_wake_ends_the_park_that_comes_next_and_no_other() {
        let seat = Rc::new(Seat::new());
        // SAFETY: it runs once, on this thread.
        let entry = unsafe { WorkerEntry::new(park_twice, Rc::as_ptr(&seat).cast()) };
        let inside = seat.clone();
        seat.start(entry, move |yielder| inside.enter(yielder)).unwrap();
        seat.wake();
        seat.wake();
        seat.resume();
        assert_eq!(seat.state(), State::Parked { deadline_ns: Some(5) }, "only the first park was ended");
        assert!(!seat.is_runnable(4) && seat.is_runnable(5));
        seat.wake();
        assert!(seat.is_runnable(0));
        seat.resume();
        assert_eq!(seat.state(), State::Ended);
        assert!(!seat.is_runnable(u64::MAX));
    }
}
