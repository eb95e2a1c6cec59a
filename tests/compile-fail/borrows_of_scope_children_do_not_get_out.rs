// SPDX-License-Identifier: BSD-3-Clause
//! What a child borrows, the parent may not change before the scope is over; nor does a borrow get out by the output.

use kcoro_posix::scope::scope;

fn main() {}

fn while_borrowed() {
    let mut numbers = vec![1, 2, 3];
    scope(|s| {
        let _ = s.spawn(|| numbers.len());
        numbers.push(4);
    });
}

fn by_the_output() {
    let kept: &str;
    {
        let text = String::from("of this block");
        kept = scope(|s| s.spawn(|| text.as_str()).unwrap().join().unwrap());
    }
    assert_eq!(kept, "gone");
}
