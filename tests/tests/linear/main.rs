// SPDX-License-Identifier: BSD-3-Clause
//! Linearizability: the checker itself, and what kcoro's objects show.

mod broken;
mod brute;
mod interleaved;
mod known;
mod simulated;
mod threads;
