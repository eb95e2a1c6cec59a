// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine without a runtime: Fibonacci numbers as an iterator, written as a plain loop.
//!
//! A generator runs on a stack of its own, and only when it is asked for its next value. It can suspend from anywhere,
//! also from the depth of a recursion, which an iterator written by hand cannot.

use kcoro_posix::GuardedStack;
use kcoro_posix::coroutine::{Generator, Yielder};
use kcoro_posix::stack::StackError;

fn main() -> Result<(), StackError> {
    let fibonacci = Generator::new(GuardedStack::new(64 * 1024)?, |numbers: &Yielder<(), u64>| {
        let (mut this, mut next) = (0, 1);
        loop {
            numbers.suspend(this);
            (this, next) = (next, this + next);
        }
    });
    println!("fibonacci: {:?}", fibonacci.take(10).collect::<Vec<_>>());

    let moves = Generator::new(GuardedStack::new(64 * 1024)?, |moves| hanoi(3, ['A', 'B', 'C'], moves));
    let moves: Vec<_> = moves.map(|(from, to)| format!("{from}{to}")).collect();
    println!("hanoi: {}", moves.join(" "));
    Ok(())
}

/// Moves a tower of `discs` from the first peg to the last.
fn hanoi(discs: u32, [from, over, to]: [char; 3], moves: &Yielder<(), (char, char)>) {
    if discs > 0 {
        hanoi(discs - 1, [from, to, over], moves);
        moves.suspend((from, to));
        hanoi(discs - 1, [over, from, to], moves);
    }
}
