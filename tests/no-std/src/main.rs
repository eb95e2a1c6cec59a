// SPDX-License-Identifier: BSD-3-Clause
//! A program without std, on the host: one worker, static stacks, a clock that stands still until all sleep.
//!
//! It exits with 0 when every promise held. With the feature `scenarios` it has then played the scenario suite, too, and says
//! how many scenarios that were. `tests/tests/programs/no_std.rs` builds and runs it.
#![no_std]
#![cfg_attr(not(feature = "std"), no_main)]

extern crate alloc;

#[cfg(feature = "std")]
extern crate std;

#[cfg(not(feature = "std"))]
mod bare;
mod one_core;
mod program;
#[cfg(feature = "scenarios")]
mod suite;

#[cfg(feature = "second-backend")]
use second_backend as _;

#[cfg(feature = "std")]
fn main() {
    program::in_coroutines();
    #[cfg(feature = "scenarios")]
    suite::play_all(|line| std::println!("{line}"));
}
