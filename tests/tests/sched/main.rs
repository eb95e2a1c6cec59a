// SPDX-License-Identifier: BSD-3-Clause
//! Runtimes on POSIX: spawns, joins, scopes, ends, and what becomes of misuse.

mod bad_input;
mod blocking_on;
mod cannot_wait;
mod crossing;
mod fairness;
mod historical;
mod joining;
mod limits;
mod misuse;
mod panics;
mod placement;
mod scope_no_stack;
mod scopes;
mod shutdown;
mod shutdown_races;
mod statics;
