// SPDX-License-Identifier: BSD-3-Clause
//! What a runtime tells of itself: dumps, asked for or on a signal, and counters.

mod dump;
mod dump_on_signal;
mod hogs;
mod metrics;
