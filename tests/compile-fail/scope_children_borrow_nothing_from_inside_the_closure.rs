// SPDX-License-Identifier: BSD-3-Clause
//! What is declared inside of the scope's closure is gone before the scope has waited, so children cannot borrow it.

use kcoro_posix::scope::scope;

fn main() {
    scope(|s| {
        let inside = String::from("gone at the end of the closure");
        let _ = s.spawn(|| inside.len());
    });
}
