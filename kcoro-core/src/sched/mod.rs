// SPDX-License-Identifier: BSD-3-Clause
//! The scheduler: which worker runs which coroutine, and when a worker sleeps.

pub(crate) mod idle;
pub(crate) mod inbox;
pub(crate) mod injector;
pub(crate) mod run_queue;
pub(crate) mod steal;
