// SPDX-License-Identifier: BSD-3-Clause
//! Select: waiting for the first of several operations.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use core::time::Duration;
//! use kcoro_core::channel::{bounded, rendezvous};
//! use kcoro_core::select;
//!
//! let (numbers_in, numbers) = rendezvous();
//! let (words_in, words) = bounded(1);
//! words_in.send("word").unwrap();
//! select! {
//!     recv(numbers) -> number => unreachable!("nobody sends one: {number:?}"),
//!     recv(words) -> word => assert_eq!(word, Ok("word")),
//!     send(numbers_in, 5) -> sent => unreachable!("nobody else receives: {sent:?}"),
//!     default(Duration::from_secs(1)) => unreachable!("a word was there"),
//! }
//! # }
//! ```
//!
//! # Arms
//!
//! | arm | is chosen when | its result |
//! |---|---|---|
//! | `recv(rx) -> value =>` | a value comes, or the channel is closed and empty | as of [`recv`](crate::channel::Receiver::recv) |
//! | `send(tx, value) -> sent =>` | the value is taken, or the channel is closed | as of [`send`](crate::channel::Sender::send) |
#![cfg_attr(
    feature = "alloc",
    doc = "| `join(handle) -> output =>` | the coroutine, or the scope's child, has ended | as of [`join`](crate::sched::JoinHandle::join_mut) |"
)]
//! | `after(duration) =>` | no other arm was ready for so long | `Ok(())`, with `-> passed` |
//! | `cancelled() =>` | the caller is cancelled | `Ok(())`, with `-> cancelled` |
//! | `cancelled(token) =>` | that token is cancelled | `Ok(cause)`, with `-> cause` |
//! | `arm(expression) -> result =>` | that [`Arm`] is ready | the arm's |
//! | `default =>` | no arm is ready now | |
//! | `default(duration) =>` | no arm was ready for so long | |
//!
//! After the arrow comes an irrefutable pattern for the result, after `=>` the code that runs if the arm is chosen. A select
//! is an expression: the arms' code has one type. It is no closure, so `?`, `break` and `return` do what they do outside.
//! All handles and values are evaluated once, in the order in which they are written, before anything is tried; when an
//! arm's code begins, none of them is borrowed any more. There can be up to sixteen arms; with an allocator, a
//! `Select` takes any number, known at run time only.
//!
//! # What it promises
//!
//! - Exactly one arm is carried out, and the others leave no trace. A value that a [`select!`](crate::select!) did not send is
//!   dropped with its arm; who wants it back passes the arm by reference, see [`send_arm`].
//! - [`select!`](crate::select!) is fair: of several arms that are ready each is chosen as often as any other. In a
//!   simulation the seed decides. [`select_biased!`](crate::select_biased!) chooses the first that is ready.
//! - A select that waits is in the queues of its channels like any other waiter, and served in its turn.
//! - A channel may be in several arms, also to send and to receive: a select never meets itself. Two selects meet as a sender
//!   and a receiver do, if one sends where the other receives, and so do two that could meet both ways.
//! - It works in coroutines and, with feature `std`, on plain threads. [`select_async!`](crate::select_async!) is for async
//!   code.
//!
//! # Cancellation
//!
//! A select is a cancellation point, unless it has a `default` without a duration: that never waits. In a coroutine that is
//! cancelled, at entry or while it waits, no operation is carried out, and the select tells one of its arms: `cancelled()`
//! if there is such an arm; else the first `recv`, `send` or `join`, as written, whose result is then
//! [`RecvError::Cancelled`](crate::channel::RecvError::Cancelled), or what else the operation returns for a cancel. (A
//! loop over selects which takes an error for the end of that channel comes to its end thus.) A select of nothing but
//! `after` arms runs the code of the first, with an error as its result. In the same way an arm hears that the caller
//! cannot wait (`CannotWait`), after all arms have been tried.
//!
//! `cancelled()` comes before everything that is ready; what is ready comes before `after` and `default`, also with a
//! duration of zero.
//!
//! # Others' handles
//!
//! `recv(rx)` calls `rx.recv_arm()`, `send(tx, value)` calls `tx.send_arm(value)`, `join(handle)` calls
//! `handle.join_arm()`, and `cancelled(token)` calls `token.cancelled_arm()`, whatever they are: a type of another crate can have these methods, and return an [`Arm`].
//!
//! | file | what it holds |
//! |---|---|
//! | `macros` | `select!` and its kin |
//! | `arms` | several arms as one value |
//! | `engine` | try, register, park, unregister |
//! | `future` | the same for async code |
//! | `dynamic` | `Select`: a set of arms that changes at run time, and stays registered |
//! | `simple` | arms that wait on no queue |
//!
//! [`send_arm`]: crate::channel::Sender::send_arm

mod arms;
#[cfg(feature = "alloc")]
mod dynamic;
mod engine;
mod future;
#[cfg(all(test, loom))]
mod loom_tests;
mod macros;
mod simple;

use core::pin::{Pin, pin};
use core::time::Duration;

pub use self::arms::{Arms, OneOf};
#[cfg(feature = "alloc")]
pub use self::dynamic::{ArmId, Select, WaitAsync};
pub use self::engine::Order;
use self::engine::{Patience, Verdict};
#[doc(hidden)]
pub use self::future::in_time;
pub use self::future::{SelectFuture, wait_async};
pub use self::simple::{AfterArm, CancelledArm, after_arm, cancelled_arm};
use crate::wait::WaitError;
pub use crate::wait::arm::{Arm, Ended, Registered, Reports, Stays, Ticket, Watched};

/// Waits for one of `arms`: what [`select!`](crate::select!) without `default` does.
///
/// ```
/// use kcoro_core::channel::bounded;
/// use kcoro_core::select::{OneOf, Order, wait};
///
/// let (tx, rx) = bounded(1);
/// tx.send(7).unwrap();
/// let chosen = wait(Order::Fair, (rx.recv_arm(), tx.send_arm(8)));
/// assert_eq!(chosen, OneOf::A0(Ok(7)));
/// ```
pub fn wait<A: Arms>(order: Order, arms: A) -> A::Chosen {
    run(order, arms, Patience::Endless).expect("a select that waits ends with one of its arms")
}

/// Carries one of `arms` out if that needs no wait: what [`select!`](crate::select!) with `default` does.
pub fn try_now<A: Arms>(order: Order, arms: A) -> Option<A::Chosen> {
    run(order, arms, Patience::None)
}

/// Waits for one of `arms`, for at most `limit`: what [`select!`](crate::select!) with `default(limit)` does.
pub fn wait_for<A: Arms>(order: Order, arms: A, limit: Duration) -> Option<A::Chosen> {
    run(order, arms, Patience::AtMost(limit))
}

/// Waits until the calling coroutine is cancelled, or returns why it cannot wait: a select without arms.
///
/// On a plain thread it never returns. In a simulation in which nobody cancels, that is a deadlock.
pub fn wait_for_cancel() -> WaitError {
    match engine::select(&mut [], Order::Biased, Patience::Endless) {
        Verdict::Refused(why) => why,
        Verdict::Arm(_) | Verdict::NotReady => unreachable!("there is nothing else to wait for"),
    }
}

fn run<A: Arms>(order: Order, arms: A, patience: Patience) -> Option<A::Chosen> {
    let mut arms = pin!(arms);
    let (verdict, reporter) = arms.as_mut().with(|slots| {
        let verdict = engine::select(slots, order, patience);
        let refused = if let Verdict::Refused(why) = verdict { engine::reporter(slots, why) } else { None };
        (verdict, refused)
    });
    outcome(arms, verdict, reporter)
}

fn outcome<A: Arms>(arms: Pin<&mut A>, verdict: Verdict, reporter: Option<usize>) -> Option<A::Chosen> {
    match (verdict, reporter) {
        (Verdict::Arm(number), _) => Some(arms.finish(number)),
        (Verdict::Refused(why), Some(number)) => Some(arms.refuse(number, why)),
        _ => None,
    }
}
