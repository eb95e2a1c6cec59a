// SPDX-License-Identifier: BSD-3-Clause
//! All kinds of channels: what they hold, what they drop, and where each value goes.

mod accounting;
mod chaos;
mod futures;
mod linear;
mod memory;
mod model;
mod odd;
mod statics;
mod undelivered;

/// Counts what each test's thread allocates.
#[global_allocator]
static COUNTING: memory::Counting = memory::Counting;
