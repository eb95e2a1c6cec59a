// SPDX-License-Identifier: BSD-3-Clause
//! All kinds of channels: what they hold, what they drop, and where each value goes.

#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod accounting;
mod books;
mod fates;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod futures;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod linear;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod memory;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod model;
mod odd;
mod statics;
mod undelivered;

/// Counts what each test's thread allocates.
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
#[global_allocator]
static COUNTING: memory::Counting = memory::Counting;
