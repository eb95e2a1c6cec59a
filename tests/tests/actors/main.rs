// SPDX-License-Identifier: BSD-3-Clause
//! Scopes and actors where threads, panics or the simulator's own interface are needed. What every platform must show is
//! in the scenario suite.

mod actor_chaos;
mod actor_endings;
mod borrow_torture;
mod scope_dumps;
mod sim_actors;

/// Ends the calling coroutine's closure by a panic that no hook prints.
fn quiet_panic() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}
