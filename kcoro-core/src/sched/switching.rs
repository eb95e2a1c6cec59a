// SPDX-License-Identifier: BSD-3-Clause
//! Leaving a coroutine and arriving in the next: one switch, straight from one to the other.
//!
//! ```text
//!   A: suspend                          B: where it once left
//!      note (A, parking) ---- switch --->  arrive: publish A's park, or queue it again if it was won meanwhile
//!                                          go on
//! ```
//!
//! Between the note and the switch nothing runs user code or can fail. What could fail, a stack for a coroutine that has
//! not run yet, is left to the base context.
#![expect(unsafe_code, reason = "switches stacks")]

use core::cell::Cell;
use core::ptr::{self, NonNull};

use super::refusing;
use super::worker::{Departed, Next, RUN_BUDGET, Worker};
use crate::arch::{self, FpControl};
use crate::primitive::{held, interrupts};
use crate::stack::RawStack;
use crate::stack::fiber::{self, Fiber};
use crate::task::claim::announced::Announced;
use crate::task::header::{Header, Options};
use crate::task::schedule::NO_DEADLINE;
use crate::trace::Event;

impl Worker {
    /// Parks the current coroutine until its claim is won.
    ///
    /// # Safety
    ///
    /// See [`Schedule::suspend`](crate::task::schedule::Schedule::suspend).
    #[inline]
    pub(super) unsafe fn suspend(&self, deadline_ns: u64) {
        // SAFETY: forwarded.
        let me = unsafe { self.begin_park() };
        if deadline_ns == NO_DEADLINE {
            // SAFETY: forwarded: we are the current coroutine, our wait has begun.
            unsafe { self.leave(me, Departed::Parking) };
        } else {
            // SAFETY: as above.
            unsafe { self.suspend_until(me, deadline_ns) };
        }
    }

    /// Parks the current coroutine until its claim is won; its wait begins when it has been left.
    ///
    /// # Safety
    ///
    /// See [`Schedule::suspend_announced`](crate::task::schedule::Schedule::suspend_announced).
    #[inline]
    pub(super) unsafe fn suspend_announced(&self, announced: Announced) {
        // SAFETY: forwarded.
        let me = unsafe { self.begin_park() };
        self.set_departed_wait(announced);
        // SAFETY: forwarded: we are the current coroutine.
        unsafe { self.leave(me, Departed::Announced) };
    }

    /// Counts a park of the current coroutine, and returns that.
    ///
    /// # Safety
    ///
    /// As [`Worker::suspend`].
    #[inline(always)]
    unsafe fn begin_park(&self) -> NonNull<Header> {
        // SAFETY: the current coroutine is live, and it is us.
        let me = unsafe {
            let me = self.me();
            if !me.as_ref().registered.get() {
                self.register(me);
            }
            me
        };
        self.shared.counters.parks.bump();
        me
    }

    /// Lets the others that are ready run first.
    ///
    /// # Safety
    ///
    /// See [`Schedule::yield_now`](crate::task::schedule::Schedule::yield_now).
    #[inline]
    pub(super) unsafe fn yield_current(&self) {
        // SAFETY: we are the current coroutine.
        let me = unsafe { self.me() };
        let next = self.next();
        self.head.budget.set(RUN_BUDGET);
        if let Next::Nothing = next {
            return;
        }
        self.shared.counters.yields.bump();
        // SAFETY: forwarded; no wait has begun.
        unsafe { self.leave_to(me, Departed::Yielding, next) };
    }

    /// Switches to `target` and leaves the current coroutine ready.
    ///
    /// # Safety
    ///
    /// As [`Worker::yield_current`]; the caller owns `target`.
    pub(super) unsafe fn hand_over(&self, target: NonNull<Header>) {
        // SAFETY: we are the current coroutine.
        let me = unsafe { self.me() };
        let next = self.next_by_hand(target);
        self.shared.counters.yields.bump();
        // SAFETY: forwarded; no wait has begun.
        unsafe { self.leave_to(me, Departed::Yielding, next) };
    }

    /// The current coroutine.
    ///
    /// # Safety
    ///
    /// There is one: the caller runs in it.
    #[inline(always)]
    unsafe fn me(&self) -> NonNull<Header> {
        // SAFETY: the caller's promise.
        unsafe { NonNull::new_unchecked(self.head.current.get().cast_mut()) }
    }

    /// Switches from the current coroutine `me` to whatever is next.
    ///
    /// # Safety
    ///
    /// `me` is the current coroutine of this worker, which is the calling one; no lock is held. `self` is stale
    /// afterwards if it migrates.
    #[inline]
    pub(super) unsafe fn leave(&self, me: NonNull<Header>, how: Departed) {
        let next = self.next();
        // SAFETY: forwarded.
        unsafe { self.leave_to(me, how, next) };
    }

    /// # Safety
    ///
    /// As [`Worker::leave`]; `next` is owned by the caller.
    #[inline]
    pub(super) unsafe fn leave_to(&self, me: NonNull<Header>, how: Departed, next: Next) {
        self.set_departed(me, how);
        // SAFETY: the current coroutine is live, and it is us.
        let me = unsafe { me.as_ref() };
        if cfg!(debug_assertions) && !me.options.has(Options::OWN_FP_CONTROL) {
            refusing::changed_fp_control(me);
        }
        if cfg!(debug_assertions) && me.options.has(Options::IN_SLOT) {
            super::slot::check(me);
        }
        if held::count() != 0 {
            refusing::held_locks(me);
        }
        if interrupts::are_masked() {
            refusing::masked_interrupts();
        }
        self.tell_leaving(me, how);
        let target = self.target(next);
        if me.options.has(Options::OWN_FP_CONTROL) {
            // SAFETY: forwarded.
            unsafe { switch_with_own_fp_control(me, target) };
        } else {
            // SAFETY: `target` is a context that we own; `me` is resumed once, by whoever owns it after its departure is
            // complete.
            unsafe { switch(me.sp_slot(), me.fiber(), target) };
        }
        // SAFETY: we are back, in a coroutine, maybe on another worker.
        unsafe { Worker::current() }.arrive();
    }

    /// Makes `next` current and returns where to switch to.
    #[inline]
    fn target(&self, next: Next) -> Target {
        match next {
            // SAFETY: a task that we took from a queue is live and ours.
            Next::Task(task) if unsafe { task.as_ref() }.is_started() => {
                self.make_current(task);
                // SAFETY: as above.
                Target::of(unsafe { task.as_ref() })
            }
            Next::Task(task) => self.target_unstarted(task),
            Next::Base | Next::Nothing => self.target_base(),
        }
    }

    fn target_unstarted(&self, task: NonNull<Header>) -> Target {
        match self.stack_without_fail(task) {
            Some(stack) => {
                // SAFETY: we own the task, and `stack` is of its class.
                unsafe { self.start(task, stack) };
                self.make_current(task);
                // SAFETY: as above.
                Target::of(unsafe { task.as_ref() })
            }
            None => {
                self.local.to_start.set(task.as_ptr());
                self.target_base()
            }
        }
    }

    fn target_base(&self) -> Target {
        self.head.current.set(ptr::null());
        Target { sp: self.local.base_sp.get(), fiber: self.local.base_fiber.get() }
    }

    /// Notes that `task` runs from now on.
    #[inline(always)]
    pub(super) fn make_current(&self, task: NonNull<Header>) {
        self.head.current.set(task.as_ptr());
        self.head.budget.set(RUN_BUDGET);
        self.shared.counters.switches.bump();
        // SAFETY: the callers own the task.
        self.tell(|| Event::Resumed { coroutine: unsafe { task.as_ref() }.id });
    }

    /// Switches from the base context into `task`; returns when some coroutine switches back to the base.
    ///
    /// # Safety
    ///
    /// Called on the base context of this worker; `task` is started and the caller owns it.
    pub(super) unsafe fn run_from_base(&self, task: NonNull<Header>) {
        self.make_current(task);
        // SAFETY: the task is suspended and ours; the base is resumed by this worker's coroutines only.
        unsafe { switch(self.local.base_sp.as_ptr(), &self.local.base_fiber, Target::of(task.as_ref())) };
        self.arrive();
    }

    /// Binds `task` to this worker and to `stack`, and builds its first frame.
    ///
    /// # Safety
    ///
    /// The caller owns the task, which has not started; the stack is free and of the task's class.
    pub(super) unsafe fn start(&self, task: NonNull<Header>, stack: RawStack) {
        let (limit, top) = (stack.limit(), stack.top());
        // SAFETY: the stack is free.
        let fiber = unsafe { Fiber::fresh(limit, top) };
        self.adopt(task, stack);
        // SAFETY: the stack is writable down to its limit, and larger than what the first frame takes; `coroutine_main`
        // never returns and never unwinds.
        let sp = unsafe { arch::prepare(top, coroutine_main, ptr::null_mut()) };
        // SAFETY: we own the task.
        unsafe {
            *task.as_ref().sp_slot() = sp;
            task.as_ref().fiber().set(fiber);
        }
    }

    /// Binds `task` to this worker and to `stack`, on which it will run.
    fn adopt(&self, task: NonNull<Header>, stack: RawStack) {
        // SAFETY: the callers own the task.
        let header = unsafe { task.as_ref() };
        header.bind(self.head_ptr());
        if header.options.has(Options::MEASURE_STACK) {
            super::watermark::paint(&stack);
        }
        header.attach_stack(stack);
        self.shared.counters.started.bump();
    }

    /// Whether a coroutine that ends on a stack of class `class` may go on as `next`, on the same stack.
    fn takes_over(&self, next: &Header, class: usize) -> bool {
        !next.is_started()
            && next.stack_class() == class
            && !next.claim.is_cancelled()
            && !self.runtime().is_closing()
            // What lies in a slot runs on the slot's stack.
            && !next.options.has(Options::MEASURE_STACK.with(Options::IN_SLOT))
    }
}

/// What few have to do when they have ended.
#[cold]
fn retire_special(ended: &Header) {
    if ended.options.has(Options::OWN_FP_CONTROL) {
        // SAFETY: the default is what everyone else expects.
        unsafe { FpControl::DEFAULT.write() };
    }
    if ended.options.has(Options::IN_SLOT) {
        super::slot::check(ended);
    }
}

/// A suspended context to switch to.
struct Target {
    sp: *mut u8,
    fiber: Fiber,
}

impl Target {
    #[inline(always)]
    fn of(task: &Header) -> Self {
        Self { sp: task.sp(), fiber: task.fiber().get() }
    }
}

/// Switches to `target`; returns when some context switches back to what was saved. Beside the switch itself it tells the
/// sanitizers, if there is one.
///
/// # Safety
///
/// As [`arch::switch`].
#[inline(always)]
unsafe fn switch(save: *mut *mut u8, saved_fiber: &Cell<Fiber>, target: Target) {
    saved_fiber.set(Fiber::running());
    // SAFETY: forwarded; the caller owns the target, and nothing comes between.
    unsafe {
        fiber::leave(target.fiber);
        arch::switch(save, target.sp);
        fiber::arrive();
    }
}

/// # Safety
///
/// As the switch in [`Worker::leave_to`].
#[inline(never)]
unsafe fn switch_with_own_fp_control(me: &Header, target: Target) {
    let own = FpControl::read();
    // SAFETY: others expect the default, and the coroutine asked for its own control words: it gets them back.
    unsafe {
        FpControl::DEFAULT.write();
        switch(me.sp_slot(), me.fiber(), target);
        own.write();
    }
}

arch::first_function! {
    /// The first and last function of each stack: runs one coroutine after the other on it, until one of them parks and so
    /// keeps the stack, or none is left that has not started.
    ///
    /// # Safety
    ///
    /// Entered by a switch whose origin made the task current.
    // Not compiled for AddressSanitizer: it leaves for good, so its frame must not lie on the fake stack that goes then.
    #[cfg_attr(kcoro_asan, sanitize(address = "off"))]
    unsafe fn coroutine_main(_data: *mut ()) -> ! {
        // SAFETY: we have just been switched to.
        unsafe { fiber::arrive() };
        // SAFETY: we run on a worker, in a coroutine.
        unsafe { Worker::current() }.arrive();
        loop {
            // SAFETY: we run on a worker; its current task is the one that this stack was given to.
            let task = unsafe { Worker::current().me() };
            // SAFETY: it has not run before, and this is its stack.
            unsafe { (task.as_ref().vtable.run)(task) };
            // SAFETY: it has ended; it may have migrated, so the worker is asked for anew.
            let worker = unsafe { Worker::current() };
            // SAFETY: we own the ended task.
            let (stack, class) = unsafe { worker.retire(task) };
            match worker.next() {
                // SAFETY: a task that we took from a queue is live and ours.
                Next::Task(next) if worker.takes_over(unsafe { next.as_ref() }, class) => {
                    worker.adopt(next, stack);
                    worker.make_current(next);
                }
                next => {
                    worker.set_departed_stack(stack, class);
                    let target = worker.target(next);
                    // SAFETY: `target` is a suspended context that we own. Nothing of this stack is needed any more.
                    unsafe {
                        fiber::leave_for_good(target.fiber);
                        arch::leave(target.sp);
                    }
                }
            }
        }
    }
}

impl Worker {
    /// Takes the stack of a task that has ended, and gives up the scheduler's reference to it.
    ///
    /// # Safety
    ///
    /// The caller runs on that stack and owns the task.
    unsafe fn retire(&self, task: NonNull<Header>) -> (RawStack, usize) {
        // SAFETY: the caller owns the task, so it is still live here.
        let header = unsafe { task.as_ref() };
        if header.options.has(Options::OWN_FP_CONTROL.with(Options::IN_SLOT)) {
            retire_special(header);
        }
        let stack = header.detach_stack().expect("a running coroutine has a stack");
        let class = header.stack_class();
        // SAFETY: as above.
        unsafe { self.unregister(task) };
        self.shared.counters.ended.bump();
        self.tell(|| Event::Ended { coroutine: header.id });
        self.head.current.set(ptr::null());
        // SAFETY: this is the scheduler's reference, and the task is not used again.
        unsafe { Header::release(task) };
        self.runtime().note_ended();
        (stack, class)
    }
}
