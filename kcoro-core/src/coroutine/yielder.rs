// SPDX-License-Identifier: BSD-3-Clause
//! The inside of a coroutine: how its body suspends.

use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use super::fp::{self, FpPolicy};
use super::unwind;
use super::word::{pack, unpack};
use crate::arch::{self, OwnStack, StackPointer};
use crate::stack::fiber;

/// What a parent asks of the child that it resumes; a set of bits.
pub(super) mod request {
    /// Just go on.
    pub(in super::super) const GO_ON: usize = 0;
    /// Unwind: the coroutine is being dropped.
    pub(in super::super) const UNWIND: usize = 1;
    /// The parent is panicking itself, so `panicking()` does not tell whether the child is.
    pub(in super::super) const PARENT_PANICKING: usize = 2;
}

/// How often a body may catch the unwinding of its drop and try to suspend again.
const MAX_SWALLOWED_UNWINDS: u32 = 16;

/// The body's handle to its own coroutine: suspends it.
///
/// A yielder lives on its coroutine's stack, and the body gets it by a reference that outlives nothing: it can reach
/// neither another thread nor code outside of the coroutine, nor an inner coroutine, whose inputs are `'static`. It can
/// reach the root of a `LocalRuntime` that the body runs, on another stack; to suspend there is refused.
///
/// It is a shared reference on purpose: two yielders that could be swapped would suspend the wrong coroutine.
pub struct Yielder<In, Yield> {
    parent: Cell<StackPointer>,
    request: Cell<usize>,
    swallowed_unwinds: Cell<u32>,
    fp: FpPolicy,
    stack: OwnStack,
    // A pointer: invariant, as a value of either type may lie on the stack across a suspension, and !Send and !Sync.
    _types: PhantomData<*mut (In, Yield)>,
}

impl<In, Yield> Yielder<In, Yield> {
    /// Of the coroutine that is the caller.
    pub(super) fn new(parent: StackPointer, request: usize, fp: FpPolicy, stack: OwnStack) -> Self {
        Self {
            parent: Cell::new(parent),
            request: Cell::new(request),
            swallowed_unwinds: Cell::new(0),
            fp,
            stack,
            _types: PhantomData,
        }
    }

    /// Tells this coroutine from all others that have not ended.
    pub(super) fn id(&self) -> usize {
        (&raw const *self).addr()
    }

    pub(super) fn fp(&self) -> FpPolicy {
        self.fp
    }

    /// Where the root returns to at the end.
    pub(super) fn parent(&self) -> StackPointer {
        self.parent.get()
    }

    /// Gives `value` to the resumer and waits to be resumed; returns what the resumer sends.
    ///
    /// # Panics
    ///
    /// When the coroutine is dropped while it waits here, the call unwinds (with `std` and `panic = "unwind"`), so that
    /// the values on the stack are dropped. A body that catches this and suspends again is unwound again, and a body
    /// that insists aborts the process.
    ///
    /// Panics when it is called on another stack than the coroutine's own.
    ///
    /// Panics when it is called while the coroutine is unwinding, that is in a destructor; by Rust's rules that aborts.
    /// In debug builds, panics when floating-point control words are not at their default, unless the coroutine keeps
    /// its own (see [`Builder::own_fp_control`](super::Builder::own_fp_control)).
    #[inline(always)]
    pub fn suspend(&self, value: Yield) -> In {
        // What runs on another stack (the root of a runtime that this body drives) belongs to a context that would not
        // be there when this coroutine is resumed elsewhere.
        if !self.is_on_own_stack() {
            suspended_from_elsewhere();
        }
        if self.request.get() != request::GO_ON || unwind::panicking() {
            self.check_may_suspend();
        }
        match self.fp {
            FpPolicy::Default => {
                fp::check_default();
                self.switch_out(value)
            }
            FpPolicy::Own => self.suspend_with_own_fp(value),
        }
    }

    /// Whether the caller's frame lies below this value on the same stack.
    #[inline(always)]
    fn is_on_own_stack(&self) -> bool {
        self.stack.holds_caller(self.id())
    }

    // Inlined, as everything down to the switch is: a return from a function that was entered before the switch is
    // predicted to go to the resumer instead.
    #[inline(always)]
    fn suspend_with_own_fp(&self, value: Yield) -> In {
        let _own = fp::Kept::leave();
        self.switch_out(value)
    }

    #[inline(always)]
    fn switch_out(&self, value: Yield) -> In {
        let mut value = ManuallyDrop::new(value);
        // SAFETY: this runs on the coroutine's own stack, as `suspend` has checked; so `parent` is the suspended resumer.
        // It unpacks the value at once.
        let resumed = unsafe {
            let word = pack(&mut value);
            fiber::back();
            let resumed = arch::suspend(self.parent.get(), word);
            fiber::arrive();
            resumed
        };
        self.parent.set(resumed.parent);
        if resumed.request != request::GO_ON {
            self.obey(resumed.request);
        }
        // SAFETY: a resumer that does not ask to unwind sends an `In`, which stays in its frame until it goes on.
        unsafe { unpack(resumed.word) }
    }

    /// What to do with a request other than to go on. It is in force until the next suspension.
    #[cold]
    #[inline(never)]
    fn obey(&self, request: usize) {
        self.request.set(request);
        if request & request::UNWIND != 0 {
            unwind::unwind(self.id());
        }
    }

    #[cold]
    #[inline(never)]
    fn check_may_suspend(&self) {
        let request = self.request.get();
        let parent_panicking = request & request::PARENT_PANICKING != 0;
        assert!(!unwind::panicking() || parent_panicking, "a coroutine cannot suspend while it unwinds");
        if request & request::UNWIND == 0 {
            self.request.set(request::GO_ON);
            return;
        }
        self.swallowed_unwinds.set(self.swallowed_unwinds.get() + 1);
        if self.swallowed_unwinds.get() > MAX_SWALLOWED_UNWINDS {
            unwind::abort("kcoro: a dropped coroutine catches every unwind and suspends again; it cannot be ended");
        }
        unwind::unwind(self.id());
    }
}

#[cfg(kcoro_interleave)]
impl Yielder<(), ()> {
    /// Suspends this coroutine from whatever stack runs on top of it: a runtime's that the body drives, another
    /// coroutine's that it has resumed. The next resume goes on there. Also while another coroutine of the thread unwinds.
    ///
    /// # Safety
    ///
    /// The caller runs inside of this coroutine's last resume, on whatever stack, and nothing of that happens while it is
    /// suspended: whoever resumes any of the stacks in between would find them in use. The coroutine is not dropped
    /// meanwhile.
    #[doc(hidden)]
    #[inline(never)]
    pub unsafe fn suspend_from_any_stack(&self) {
        // Whoever runs at the point may be one of those that have control words of their own.
        let _own = fp::Kept::leave();
        // SAFETY: the caller is inside of the last resume, so `parent` is the suspended resumer; it sends and expects no
        // values.
        let resumed = unsafe { arch::suspend(self.parent.get(), pack(&mut ManuallyDrop::new(()))) };
        self.parent.set(resumed.parent);
        self.request.set(resumed.request);
        if resumed.request & request::UNWIND != 0 {
            unwind::abort("kcoro: a coroutine was dropped that had been suspended from another stack");
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn suspended_from_elsewhere() -> ! {
    panic!("a coroutine can be suspended from its own stack only")
}
