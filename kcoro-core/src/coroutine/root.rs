// SPDX-License-Identifier: BSD-3-Clause
//! The top of a coroutine's stack, and the first function that runs on it.
//!
//! ```text
//!  stack.top()  ------------------
//!               Root<F>            header, then the body until the first resume
//!               ------------------ aligned
//!               fresh frame        see arch/
//! ```

use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

use super::Yielder;
use super::fp::{self, FpPolicy};
use super::unwind::{self, Payload};
use super::word::unpack;
use crate::arch::{self, FRESH_FRAME_BYTES, OwnStack, StackPointer, Word};
use crate::stack::fiber::{self, Fiber};
use crate::stack::{STACK_ALIGN, Stack, StackError};

// `stack` is above `arch` and is compiled where `arch` is not, so each has its own.
const _: () = assert!(STACK_ALIGN == arch::STACK_ALIGN);

/// Room that must be left below the fresh frame for the frames of [`run`] itself.
const RUN_BYTES: usize = 1024;

/// The part of [`Root`] that does not depend on the body's type.
#[repr(C)]
pub(super) struct Header {
    /// Drops the body; `None` once the body has started.
    pub(super) drop_body: Option<unsafe fn(NonNull<Header>)>,
    fp: FpPolicy,
    limit: NonNull<u8>,
}

#[repr(C)]
struct Root<F> {
    header: Header,
    body: MaybeUninit<F>,
}

/// How a coroutine ended.
pub(super) enum Ending<Out> {
    Returned(Out),
    Panicked(Payload),
    /// It was dropped, and its stack has been unwound.
    Unwound,
}

/// Moves `body` to the top of `stack` and makes a fresh context that runs it.
///
/// # Errors
///
/// [`StackError::TooSmall`] when the stack cannot hold the body and the first frames.
pub(super) fn build<F, In, Yield, Out>(
    stack: &impl Stack,
    fp: FpPolicy,
    body: F,
) -> Result<(NonNull<Header>, StackPointer, Fiber), StackError>
where
    F: FnOnce(&Yielder<In, Yield>, In) -> Out,
{
    let (limit, top) = (stack.limit().addr().get(), stack.top().addr().get());
    let align = align_of::<Root<F>>().max(STACK_ALIGN);
    // The values that enter and leave lie in the first frames, a few copies of them when nothing is optimised.
    let run_bytes = RUN_BYTES + 4 * (size_of::<In>() + size_of::<Out>());
    let min_bytes = size_of::<Root<F>>() + align + FRESH_FRAME_BYTES + run_bytes;
    let size_bytes = top.saturating_sub(limit);
    if size_bytes < min_bytes {
        return Err(StackError::TooSmall { size_bytes, min_bytes });
    }
    let root_bytes = top - ((top - size_of::<Root<F>>()) & !(align - 1));
    // SAFETY: `Stack` promises writable memory of its own between `limit` and `top`; the check above leaves room.
    unsafe {
        let fiber = Fiber::fresh(stack.limit(), stack.top());
        let root = stack.top().sub(root_bytes).cast::<Root<F>>();
        root.write(Root {
            header: Header { drop_body: Some(drop_body::<F>), fp, limit: stack.limit() },
            body: MaybeUninit::new(body),
        });
        let child = arch::prepare_linked(root.cast(), run::<F, In, Yield, Out>, root.as_ptr().cast());
        Ok((root.cast(), child, fiber))
    }
}

/// # Safety
///
/// `header` belongs to a `Root<F>` whose body has not started. Called once.
unsafe fn drop_body<F>(header: NonNull<Header>) {
    // SAFETY: the caller's promise.
    unsafe { (*header.cast::<Root<F>>().as_ptr()).body.assume_init_drop() }
}

arch::first_function! {
    /// The outermost function of every coroutine. Should an unwind get past `catch`, it aborts here.
    // Not compiled for AddressSanitizer: the ending and the yielder must lie on this stack, not on the fake one, which
    // goes before the ending is read.
    #[cfg_attr(kcoro_asan, sanitize(address = "off"))]
    unsafe fn run<F, In, Yield, Out>(data: *mut (), word: Word, parent: StackPointer, request: usize) -> !
    where
        F: FnOnce(&Yielder<In, Yield>, In) -> Out,
    {
        // SAFETY: the first resume has just switched here.
        unsafe { fiber::arrive() };
        let root = data.cast::<Root<F>>();
        // SAFETY: `build` put the root there, and this is its only start; the first resume sent an `In`.
        let (header, body, first) = unsafe {
            let header = &mut (*root).header;
            header.drop_body = None;
            (header, (*root).body.assume_init_read(), unpack::<In>(word))
        };
        let stack = OwnStack::of_caller(header.limit.addr().get());
        let yielder = Yielder::new(parent, request, header.fp, stack);
        let mut ending = ManuallyDrop::new(end::<F, In, Yield, Out>(&yielder, body, first));
        // SAFETY: `parent` is the last resumer. It reads the ending before it frees this stack.
        unsafe {
            fiber::back_for_good();
            arch::finish(yielder.parent(), Word::new((&raw mut ending).cast()))
        }
    }
}

/// Runs the body to its end and leaves the default floating-point control words in force.
fn end<F, In, Yield, Out>(yielder: &Yielder<In, Yield>, body: F, first: In) -> Ending<Out>
where
    F: FnOnce(&Yielder<In, Yield>, In) -> Out,
{
    let ending = unwind::catch(|| {
        let out = body(yielder, first);
        yielder.fp().finish();
        out
    });
    match ending {
        Ok(out) => Ending::Returned(out),
        Err(payload) => {
            fp::reset();
            if unwind::is_unwind_of(yielder.id(), &payload) { Ending::Unwound } else { Ending::Panicked(payload) }
        }
    }
}
