// SPDX-License-Identifier: BSD-3-Clause
//! What every backend of kcoro must do: scenarios written once, that any runtime can play.
//!
//! A [`Scenario`] is a function that is called in a coroutine and panics when a promise does not hold. It knows no
//! platform: no std, no threads, and time only as its runtime's clock tells it. A runner builds the runtime, says in a
//! [`Stage`] what that offers, and plays each scenario that [fits](Stage::fits):
//!
//! ```text
//! for scenario in SCENARIOS.iter().filter(|scenario| stage.fits(scenario)) {
//!     let runtime = ...; // with the limit of live coroutines that scenario.limit() asks for
//!     runtime.run(|| (scenario.run)(&stage));
//! }
//! ```
//!
//! [`suite!`] has the list. A runner that wants a `#[test]` for each scenario calls it, too. [`portable`] is a program whose
//! result is the same number everywhere.
//!
//! # Writing one
//!
//! - It may not depend on the schedule: a simulator plays it under every order. Where a coroutine must be parked before
//!   something happens, [`parked`](tools::parked) makes sure of it; where it must have run, wait for what it does.
//! - It waits for nothing that may be late: times are compared with "never early" only, unless the stage has
//!   [`StillTime`](Need::StillTime).
//! - Its size comes from [`Stage::pick`], so that slow stages can play it, too.
#![no_std]

extern crate alloc;

#[macro_use]
mod suite;
mod stage;
pub mod tools;

mod actors;
mod cancel;
mod cancelling;
mod channels;
mod fp_control;
mod kinds;
mod limits;
mod own;
mod placement;
pub mod portable;
mod precedence;
mod readiness;
mod scopes;
mod scopes_more;
mod select;
mod select_sets;
mod spawning;
mod supervision;
mod sync;
mod ticks;
mod timing;
mod turns;
mod waking;
mod worker;

pub use kinds::prepare;
pub use stage::{Need, Scenario, Size, Stage};
pub use suite::SCENARIOS;

/// The scenario of this name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
