// SPDX-License-Identifier: BSD-3-Clause
//! A `RawStack` is trusted to be memory that nobody else uses, so safe code cannot make one up.

use core::ptr::NonNull;

use kcoro_core::stack::RawStack;

fn main() {
    let _ = RawStack::new(NonNull::dangling(), NonNull::dangling(), 0);
}
