// SPDX-License-Identifier: BSD-3-Clause
//! Locks and signals on real workers and threads, and in the simulator where its seeds reach what schedules do not.

mod asynchronous;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod cannot_wait;
mod chaos;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod deadlocks;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod linear;
mod mixed;
mod notified;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod order;
