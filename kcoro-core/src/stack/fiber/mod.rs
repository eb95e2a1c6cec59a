// SPDX-License-Identifier: BSD-3-Clause
//! What ThreadSanitizer and AddressSanitizer must be told when stacks are exchanged. In a normal build all of it is
//! empty: no field, no instruction.
//!
//! A checker follows flows of control. ThreadSanitizer keeps a clock and a call stack for each, AddressSanitizer the
//! bounds of its stack and the place of its poisoned frames. So each context has a [`Fiber`], and every exchange of stacks
//! goes like this, with nothing in between:
//!
//! ```text
//!   leave(to)  or, for the last time, leave_for_good(to)      on the stack that is left
//!   the switch
//!   arrive()                                                  on the other, fresh or resumed
//! ```
//!
//! The fiber of a suspended context lies beside its saved stack pointer and has the same owner. It is the one that
//! *ran* when the stack pointer was saved: a task that waits inside of a `Coroutine` that it has resumed continues there.
//!
//! Built with `--cfg kcoro_tsan` or `--cfg kcoro_asan`, beside the compiler's `-Zsanitizer`.

#[cfg(any(kcoro_tsan, kcoro_asan))]
mod checked;
#[cfg(any(kcoro_tsan, kcoro_asan))]
#[cfg_attr(kcoro_tsan, path = "tsan.rs")]
#[cfg_attr(all(kcoro_asan, not(kcoro_tsan)), path = "asan.rs")]
mod checker;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod unchecked;

#[cfg(any(kcoro_tsan, kcoro_asan))]
use checked as imp;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
use unchecked as imp;

pub(crate) use imp::Fiber;
#[cfg(not(loom))]
pub(crate) use imp::{arrive, back, back_for_good, enter};
#[cfg_attr(loom, allow(unused_imports, reason = "models never switch"))]
pub(crate) use imp::{leave, leave_for_good};

#[cfg(all(any(kcoro_tsan, kcoro_asan), not(feature = "std")))]
compile_error!("the sanitizers' fibers need feature `std`: they keep a record of each thread");
