// SPDX-License-Identifier: BSD-3-Clause
//! Locks and signals on real workers and threads, and in the simulator where its seeds reach what schedules do not.

mod asynchronous;
mod cannot_wait;
mod chaos;
mod deadlocks;
mod linear;
mod mixed;
mod notified;
mod order;
