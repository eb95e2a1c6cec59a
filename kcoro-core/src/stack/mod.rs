// SPDX-License-Identifier: BSD-3-Clause
//! Stack memory: what a stack is, whoever made it.
#![expect(unsafe_code, reason = "stacks are raw memory that outlives any borrow")]

pub(crate) mod fiber;
mod unguarded;

use core::fmt;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
pub use unguarded::HeapStack;
pub use unguarded::StaticStack;

/// The alignment of a stack's top and of the stack pointer at every call, in bytes, on every supported target.
pub const STACK_ALIGN: usize = 16;

/// A stack that a platform handed out: a range of writable memory and the platform's own number for it.
///
/// Stacks grow down, from `top` to `limit`. The guard, if any, is below `limit`.
#[derive(Debug, PartialEq, Eq)]
pub struct RawStack {
    limit: NonNull<u8>,
    top: NonNull<u8>,
    token: usize,
}

// SAFETY: a `RawStack` is a number for memory; whoever uses the memory answers for how.
unsafe impl Send for RawStack {}
// SAFETY: as above: no method touches the memory.
unsafe impl Sync for RawStack {}

impl RawStack {
    /// Describes the stack memory from `limit` (lowest usable byte) up to `top` (one past the highest).
    ///
    /// `token` means something to the platform only.
    ///
    /// # Safety
    ///
    /// The range is writable, belongs to no one else, lies in one allocation, and `top` is aligned to [`STACK_ALIGN`].
    pub const unsafe fn new(limit: NonNull<u8>, top: NonNull<u8>, token: usize) -> Self {
        Self { limit, top, token }
    }

    /// The lowest usable byte.
    pub const fn limit(&self) -> NonNull<u8> {
        self.limit
    }

    /// One past the highest usable byte.
    pub const fn top(&self) -> NonNull<u8> {
        self.top
    }

    /// The platform's own number.
    pub const fn token(&self) -> usize {
        self.token
    }

    /// Usable bytes.
    pub fn size_bytes(&self) -> usize {
        self.top.addr().get() - self.limit.addr().get()
    }

    /// Whether `address` lies on this stack.
    pub fn contains(&self, address: usize) -> bool {
        (self.limit.addr().get()..self.top.addr().get()).contains(&address)
    }
}

/// Memory that a [`Coroutine`](crate::coroutine::Coroutine) can run on.
///
/// # Safety
///
/// `limit()..top()` is writable memory that belongs to this value alone, does not move when the value moves, stays valid
/// until the value is dropped, and is valid for ever if the value is leaked. `top()` is aligned to [`STACK_ALIGN`]. Both
/// always return the same answers. An overflow of the stack faults in a guard below `limit()`, or whoever made the value
/// vouched (in `unsafe` code) that there is none.
pub unsafe trait Stack {
    /// The lowest usable byte.
    fn limit(&self) -> NonNull<u8>;
    /// One past the highest usable byte.
    fn top(&self) -> NonNull<u8>;
}

/// Why there is no stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackError {
    /// Fewer bytes were asked for than a coroutine can start on.
    TooSmall {
        /// What was asked for.
        size_bytes: usize,
        /// What it takes.
        min_bytes: usize,
    },
    /// More bytes were asked for than the platform gives.
    TooLarge {
        /// What was asked for.
        size_bytes: usize,
        /// What it gives.
        max_bytes: usize,
    },
    /// The platform has no memory for another stack.
    OutOfMemory {
        /// `errno` or the like, 0 where there is none.
        os_code: i32,
    },
    /// Stacks cannot be had here as asked.
    Unsupported(
        /// What is unsupported, and what to do.
        &'static str,
    ),
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { size_bytes, min_bytes } => {
                write!(f, "a stack of {size_bytes} bytes is too small; ask for at least {min_bytes}")
            }
            Self::TooLarge { size_bytes, max_bytes } => {
                write!(f, "a stack of {size_bytes} bytes is too large; ask for at most {max_bytes}")
            }
            Self::OutOfMemory { os_code } => {
                write!(f, "no memory for a stack (os error {os_code}); use smaller stacks or fewer coroutines")
            }
            Self::Unsupported(what) => write!(f, "{what}"),
        }
    }
}

impl core::error::Error for StackError {}
