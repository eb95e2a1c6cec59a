// SPDX-License-Identifier: BSD-3-Clause
//! The simulator: what it promises of seeds, what its failures say, and what it finds.

mod attribute;
mod deadlocks;
mod failures;
mod interleave;
mod misuse;
mod reach;
mod real;
mod schedule;
mod shrink;
mod strategies;
