// SPDX-License-Identifier: BSD-3-Clause
//! Channels on POSIX, between coroutines, futures and plain threads.

mod chaos;
mod contract;
mod futures;
mod historical_channels;
