// SPDX-License-Identifier: BSD-3-Clause
//! What the code made by `#[kcoro_sim::test]` calls. Not for others, and no promise to them.

use std::fmt;
use std::ops::{Range, RangeInclusive};

/// What can stand behind `seeds =`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no set of seeds",
    label = "neither a number of seeds nor a range of them",
    note = "write `seeds = 1000` for the seeds 0..1000, or a range of `u64`"
)]
pub trait Seeds {
    /// One after the other.
    fn each(self) -> impl Iterator<Item = u64>;
}

impl Seeds for u64 {
    fn each(self) -> impl Iterator<Item = u64> {
        0..self
    }
}

impl Seeds for Range<u64> {
    fn each(self) -> impl Iterator<Item = u64> {
        self
    }
}

impl Seeds for RangeInclusive<u64> {
    fn each(self) -> impl Iterator<Item = u64> {
        self
    }
}

/// The seeds that `seeds` stands for.
pub fn seeds(seeds: impl Seeds) -> impl Iterator<Item = u64> {
    seeds.each()
}

/// What a test can return.
#[diagnostic::on_unimplemented(
    message = "a simulated test cannot return `{Self}`",
    label = "neither `()` nor a `Result<(), E>` with `E: Debug`"
)]
pub trait Report {
    /// Panics if it is a failure.
    fn report(self);
}

impl Report for () {
    fn report(self) {}
}

impl<E: fmt::Debug> Report for Result<(), E> {
    fn report(self) {
        if let Err(error) = self {
            panic!("the test returned an error: {error:?}");
        }
    }
}

/// Panics if `returned` is a failure.
pub fn report(returned: impl Report) {
    returned.report();
}
