// SPDX-License-Identifier: BSD-3-Clause
//! Cancellation on POSIX: regions, shields, trees of any size, hooks, and storms of all of them.

mod hooks;
mod regions;
mod storms;
mod thread_regions;
mod timers;
mod trees;
