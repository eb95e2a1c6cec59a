// SPDX-License-Identifier: BSD-3-Clause
//! Linearizability: is there an order of the recorded operations that the object's model allows, and that no process can
//! tell from what it saw?
//!
//! A [`Recorder`] stamps the call and the return of every operation from one counter. [`check`] then looks for points in
//! time, one for each operation and between its call and its return, such that the [`Model`] accepts the operations one
//! after the other. If there are none, the object showed something that no correct object can show, and the
//! [`Violation`] prints the shortest part of the history that proves it.
//!
//! - **Operations that did not return** (their process hangs, was abandoned, or unwound) may have taken effect at any
//!   time after their call, or never.
//! - **Operations that failed** are operations, too. Their results say what the object must have been like at some point
//!   of theirs: `Full` is the claim that at one instant it was full.
//! - **Operations that take effect together.** A rendezvous has no state between the send and the receive: the two are
//!   one event with two participants. A model of single operations would need a state "handed over, not yet taken",
//!   which would also allow a send that returns before any receive was called. So a point may hold several operations
//!   that overlap ([`Model::apply_together`]): linearizability becomes set-linearizability. What follows from it for a
//!   rendezvous is what its users rely on: each send overlaps the receive that took its value.
//! - **Several objects** in one history are checked one by one. That is enough: a history is linearizable, and
//!   set-linearizable, if and only if the history of each object is.
//!
//! What it cannot see: an operation that waits for ever when it should not (no history is wrong because something is
//! still running; the simulator reports the deadlock), the order in which waiters are served (that one process waits
//! cannot be told from its being about to), and anything about objects whose operations were not recorded.
//!
//! The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993) with the memory of Lowe
//! ("Testing for linearizability", 2017); sets are from Neiger ("Set-linearizability", 1994).
//!
//! ```
//! use kcoro_tests::linear::models::channel::{Bounded, Call, Form, Return};
//! use kcoro_tests::linear::{Recorder, check};
//!
//! let recorder = Recorder::new();
//! let (mut sender, mut receiver) = (recorder.process("sender"), recorder.process("receiver"));
//! sender.run(0, Call::send(7, Form::Wait), || (), |()| Return::Sent);
//! receiver.run(0, Call::recv(Form::Try), || (), |()| Return::Empty); // but it has just been sent
//! let violation = check(&Bounded { capacity: 1 }, &recorder.history()).unwrap_err().to_string();
//! assert!(violation.contains("Empty"), "{violation}");
//! ```

mod checker;
mod history;
mod minimise;
mod model;
pub mod models;
pub mod programs;
mod recorder;
mod search;
mod timeline;

pub use checker::{Checker, Problem, Violation, check};
pub use history::{History, Operation};
pub use model::{Model, OperationOf};
pub use recorder::{Process, Recorder, Ticket};
