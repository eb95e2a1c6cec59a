// SPDX-License-Identifier: BSD-3-Clause
//! A stack without a guard is overrun silently, so whoever makes one vouches for its size.

use kcoro_core::stack::{HeapStack, StaticStack};

fn main() {
    let _ = HeapStack::new_unguarded(4096);
    let _ = StaticStack::new_unguarded(&mut []);
}
