// SPDX-License-Identifier: BSD-3-Clause
//! Memory for one coroutine after another: a static that holds its cell and its stack.
//!
//! ```text
//!  low                                                                            high
//!  +-------+--------+-------------------------------- - - --------+-------------------+
//!  | state | canary |                                <-- stack    | cell: header, join |
//!  |       |        |                                             | state, closure     |
//!  +-------+--------+-------------------------------- - - --------+-------------------+
//!                   ^ limit                                       ^ top
//! ```
//!
//! The cell lies at the top, where the stack begins, so that a slot is one piece of memory, and whatever the cell does not
//! need is stack. [`slot_state`](super::slot_state) says when a slot is free again.
#![expect(unsafe_code, reason = "finds the parts of a slot by raw pointer")]

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::slot_state::SlotState;
use super::spawn::SpawnError;
use crate::stack::{RawStack, STACK_ALIGN};
use crate::task::header::Header;

/// The class of stacks that lie in slots. Classes are powers of two, and nobody asks a platform for a stack of one byte: so
/// no cached stack is of this class.
pub(super) const SLOT_CLASS: u8 = 0;

/// What a coroutine in a slot has at least for its stack, beside its cell. Most need far more.
pub const MIN_SLOT_STACK_BYTES: usize = 1024;

/// Unlikely as data, and no valid address.
const CANARY: u64 = 0xc0de_5afe_d06f_00d5;

/// What lies below the stack of a slot.
#[repr(C, align(16))]
pub(super) struct SlotHead {
    state: SlotState,
    /// Last, so that what overflows comes here first.
    canary: UnsafeCell<[u64; 2]>,
}

const _: () = assert!(align_of::<SlotHead>() == STACK_ALIGN, "the stack begins behind the head");

/// Memory for a coroutine, of `BYTES` bytes in all: cell and stack.
///
/// It is a `static`, and takes part in no allocation. When the coroutine has ended, has left its stack, and its handle and
/// wakers have gone, the slot can be used again.
///
/// ```
/// use kcoro_core::sched::{Slot, SpawnError, spawn_static};
///
/// // SAFETY: what runs here calls nothing that is deep.
/// static BLINKER: Slot<4096> = unsafe { Slot::new_unguarded() };
///
/// // In a coroutine it is spawned; here is nobody to run it:
/// let refused = spawn_static(&BLINKER, || 1);
/// assert_eq!(refused.unwrap_err(), SpawnError::NoRuntime);
/// assert!(BLINKER.is_free());
/// ```
#[repr(C)]
pub struct Slot<const BYTES: usize> {
    head: SlotHead,
    memory: UnsafeCell<MaybeUninit<[u8; BYTES]>>,
}

// SAFETY: the memory belongs to whoever has taken the slot, see `SlotState`; the canary is written by who has taken it, and
// read by the coroutine that runs there.
unsafe impl<const BYTES: usize> Sync for Slot<BYTES> {}

impl<const BYTES: usize> Slot<BYTES> {
    /// All zero: it takes no room in an image.
    pub(super) const fn empty() -> Self {
        Self {
            head: SlotHead { state: SlotState::new(), canary: UnsafeCell::new([0; 2]) },
            memory: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// A slot without a guard. A known pattern below the stack is looked at when a coroutine ends (in debug builds also at each
    /// of its suspensions); if it has changed the program ends with a message that names the coroutine.
    ///
    /// # Safety
    ///
    /// That look comes late, and may not come at all. Whatever runs in the slot never needs more stack than what its cell
    /// leaves of `BYTES`: [`Builder::measure_stack`](super::Builder::measure_stack) says what it needs.
    pub const unsafe fn new_unguarded() -> Self {
        Self::empty()
    }

    /// Whether a coroutine could be spawned here now.
    pub fn is_free(&'static self) -> bool {
        self.head.state.is_free()
    }

    pub(super) fn room(&'static self) -> Room {
        Room { head: NonNull::from(self).cast(), bytes: BYTES }
    }
}

impl<const BYTES: usize> fmt::Debug for Slot<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("bytes", &BYTES).field("free", &self.head.state.is_free()).finish()
    }
}

/// A slot of any size: where its head is, by a pointer that reaches all of it, and how many bytes lie behind that.
#[derive(Clone, Copy)]
pub struct Room {
    pub(super) head: NonNull<SlotHead>,
    bytes: usize,
}

impl Room {
    /// Takes the slot, if it is free.
    pub(super) fn try_take(self) -> Option<Taken> {
        // Not `then_some`: one that was made in vain would give back what is another's.
        self.head().state.try_take().then(|| Taken(self))
    }

    /// Whether a cell of type `C` leaves enough for a stack.
    ///
    /// # Errors
    ///
    /// It does not.
    pub(super) fn check<C>(self) -> Result<(), SpawnError> {
        // Where a cell begins depends on its alignment: at most so much is lost by it.
        let lost_bytes = align_of::<C>().max(STACK_ALIGN) - 1;
        let needed_bytes = MIN_SLOT_STACK_BYTES + size_of::<C>() + lost_bytes;
        if self.bytes < needed_bytes {
            return Err(SpawnError::SlotTooSmall { slot_bytes: self.bytes, needed_bytes });
        }
        Ok(())
    }

    fn head(&self) -> &'static SlotHead {
        // SAFETY: slots are statics.
        unsafe { self.head.as_ref() }
    }

    fn limit(self) -> NonNull<u8> {
        // SAFETY: behind the head lies the memory.
        unsafe { self.head.add(1) }.cast()
    }
}

/// A slot that the holder has taken. Dropping it gives it back.
pub struct Taken(Room);

impl Taken {
    /// The room for a cell, and the stack below that. From now on the uses end by [`stack_is_left`] and [`cell_is_gone`].
    pub(super) fn split<C>(self) -> (NonNull<MaybeUninit<C>>, RawStack, NonNull<SlotHead>) {
        let Room { head, bytes } = self.0;
        debug_assert!(self.0.check::<C>().is_ok(), "it is asked first");
        let limit = self.0.limit();
        let align = align_of::<C>().max(STACK_ALIGN);
        let top = (limit.addr().get() + bytes - size_of::<C>()) & !(align - 1);
        // SAFETY: `check` has found that this lies inside of the memory.
        let cell = unsafe { limit.add(top - limit.addr().get()) };
        // SAFETY: we have taken the slot: all of it is ours.
        unsafe { *self.0.head().canary.get() = [CANARY; 2] };
        core::mem::forget(self);
        // SAFETY: as above; the cell begins at a multiple of the stack's alignment, and so does what lies behind the head.
        (cell.cast(), unsafe { RawStack::new(limit, cell, 0) }, head)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.head().state.end_both();
    }
}

/// The last reference to the cell in the slot of `head` has gone. If its coroutine has `never_started`, it has never used its
/// stack either.
///
/// # Safety
///
/// Called once for each cell; the caller does not touch it again.
pub(super) unsafe fn cell_is_gone(head: NonNull<SlotHead>, stack: Option<RawStack>) {
    // SAFETY: slots are statics.
    let state = unsafe { &head.as_ref().state };
    match stack {
        Some(_never_used) => state.end_both(),
        None => state.end_use(),
    }
}

/// A coroutine has left its stack for good.
///
/// # Safety
///
/// The stack is that of a slot, and nothing runs on it; called once for each coroutine.
pub(super) unsafe fn stack_is_left(stack: &RawStack) {
    // SAFETY: the caller's promise.
    unsafe { head_of(stack) }.state.end_use();
}

/// Ends the program if the coroutine, which runs in a slot, has written below its stack.
pub(super) fn check(task: &Header) {
    let canary = task.with_stack(|stack| {
        // SAFETY: the coroutine lies in a slot, and so its stack does.
        let head = unsafe { head_of(stack) };
        // SAFETY: who has taken the slot wrote it, before the coroutine ran; nobody means to write it now.
        let canary = unsafe { head.canary.get().read_volatile() };
        (canary, stack.size_bytes())
    });
    if let Some((canary, size_bytes)) = canary
        && canary != [CANARY; 2]
    {
        overflowed(task, size_bytes);
    }
}

#[cold]
fn overflowed(task: &Header, size_bytes: usize) -> ! {
    super::fatal(format_args!(
        "coroutine {} {}, spawned at {}: it has overflowed the stack of its slot, which has {size_bytes} bytes",
        task.id,
        task.name.unwrap_or("(unnamed)"),
        task.spawn_site
    ));
}

/// # Safety
///
/// The stack is that of a slot.
unsafe fn head_of(stack: &RawStack) -> &'static SlotHead {
    // SAFETY: the head lies right below the limit, which was made from a pointer to the whole slot.
    unsafe { stack.limit().cast::<SlotHead>().sub(1).as_ref() }
}
