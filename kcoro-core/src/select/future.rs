// SPDX-License-Identifier: BSD-3-Clause
//! Selecting in async code.
//!
//! Claim and arms lie in the pinned future, whose drop takes the arms out of their queues.
#![expect(unsafe_code, reason = "a pinned future whose arms are queued")]

use core::fmt;
use core::future::Future;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::arms::{Arms, Slot};
use super::engine::{Order, register_each, tell_winner, try_each, unregister_all};
use crate::task::claim::claiming::Party;
use crate::task::claim::{Accepts, Claim, Generation};
use crate::task::schedule::Place;
use crate::wait::WaitError;
use crate::wait::arm::{Reports, Ticket};
use crate::wait::wake::WakeHandle;

/// Waits for one of several arms: what [`select_async!`](crate::select_async!) awaits.
///
/// It does not know the coroutine that polls it, so it is no cancellation point. Dropping it gives up: no arm is carried out,
/// or, if one just has been, a value that was received goes to the next receiver.
///
/// # Panics
///
/// When it is polled with an arm that needs its caller to wait: [`after_arm`](super::after_arm), for which there is
/// `sched::sleep_arm` here, or [`cancelled_arm`](super::cancelled_arm).
#[must_use = "a future does nothing until it is awaited"]
pub struct SelectFuture<A: Arms> {
    arms: A,
    claim: Claim,
    order: Order,
    progress: Progress,
    rank: u32,
    waker: Option<Waker>,
    _pinned: PhantomPinned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    New,
    Queued,
    Over,
}

/// Waits for one of `arms` in async code.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::channel::bounded;
/// use kcoro_core::select::{OneOf, Order, wait_async};
/// use kcoro_core::wait::block_on;
///
/// let (tx, rx) = bounded(1);
/// let (_silent, silence) = bounded::<()>(1);
/// tx.send(7).unwrap();
/// let chosen = block_on(wait_async(Order::Fair, (silence.recv_arm(), rx.recv_arm())));
/// assert_eq!(chosen, Ok(OneOf::A1(Ok(7))));
/// # }
/// ```
pub fn wait_async<A: Arms>(order: Order, arms: A) -> SelectFuture<A> {
    SelectFuture {
        arms,
        claim: Claim::new(),
        order,
        progress: Progress::New,
        rank: 0,
        waker: None,
        _pinned: PhantomPinned,
    }
}

impl<A: Arms> SelectFuture<A> {
    /// Carries an arm out, or registers all; the number of the arm that was.
    fn start(&mut self, waker: Waker) -> Option<usize> {
        // SAFETY: the running coroutine is live.
        self.rank = Place::coroutine().map_or(0, |task| unsafe { task.as_ref() }.id as u32);
        let handle = WakeHandle::Task(waker.clone());
        self.waker = Some(waker);
        // The claim by shared reference only, for winners have its address.
        let (arms, claim, progress) = (&mut self.arms, &self.claim, &mut self.progress);
        let (order, rank) = (self.order, self.rank);
        // SAFETY: the future is pinned, and with it its arms.
        unsafe { Pin::new_unchecked(arms) }.with(|arms| {
            check(arms);
            if let Some(number) = try_each(arms, order) {
                return Some(number);
            }
            let generation = claim.begin(Accepts::NOTHING).unwrap_or_else(|_| unreachable!("it accepts nothing"));
            // Said before: what is registered is taken out by the drop, if a foreign waker panics.
            *progress = Progress::Queued;
            register_each(arms, ticket(claim, generation, rank, &handle)).or_else(|| over(arms, claim))
        })
    }

    /// The number of the arm through which the wait has ended; if it has not, `waker` is what is woken from now on.
    fn renew(&mut self, waker: &Waker) -> Option<usize> {
        let (arms, claim, rank, before) = (&mut self.arms, &self.claim, self.rank, &mut self.waker);
        // SAFETY: as in `start`.
        unsafe { Pin::new_unchecked(arms) }.with(|arms| {
            let is_same = before.as_ref().is_some_and(|before| before.will_wake(waker));
            if claim.outcome().is_none() && !is_same {
                let handle = WakeHandle::Task(waker.clone());
                let ticket = ticket(claim, claim.generation(), rank, &handle);
                arms.iter_mut().for_each(|(number, arm)| arm.as_mut().renew(&ticket(*number)));
                *before = Some(waker.clone());
            }
            // Looked at after the last arm knows: who won before woke the old one.
            over(arms, claim)
        })
    }

    fn unregister(&mut self) {
        // SAFETY: as in `start`.
        unsafe { Pin::new_unchecked(&mut self.arms) }.with(unregister_all);
    }
}

fn ticket<'t>(
    claim: &'t Claim,
    generation: Generation,
    rank: u32,
    handle: &'t WakeHandle,
) -> impl Fn(usize) -> Ticket<'t> {
    move |number| Ticket::new(Party { claim, generation, arm: number as u32, rank }, handle)
}

/// What a `default` with a limit looks at in async code.
///
/// # Panics
///
/// There was no time to be had.
#[doc(hidden)]
pub fn in_time(passed: Result<(), WaitError>) {
    if let Err(why) = passed {
        panic!("`default` with a duration in async code needs the timers of a runtime: {why}");
    }
}

/// The arm through which the wait has ended, which is told.
fn over(arms: &mut [Slot<'_>], claim: &Claim) -> Option<usize> {
    let (outcome, number) = claim.outcome()?;
    tell_winner(arms, outcome, number as usize);
    Some(number as usize)
}

fn check(arms: &[Slot<'_>]) {
    let waits = arms.iter().any(|(_, arm)| arm.limit().is_some() || arm.reports() == Reports::Cancels);
    assert!(
        !waits,
        "`after_arm` and `cancelled_arm` are no arms in async code: there is `sleep_arm`, or drop the future"
    );
}

impl<A: Arms> Future for SelectFuture<A> {
    type Output = A::Chosen;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out of the pinned future.
        let this = unsafe { self.get_unchecked_mut() };
        let ended = match this.progress {
            Progress::Over => panic!("polled after it was ready"),
            Progress::New => this.start(context.waker().clone()),
            Progress::Queued => this.renew(context.waker()),
        };
        let Some(number) = ended else { return Poll::Pending };
        this.unregister();
        this.progress = Progress::Over;
        // SAFETY: as in `start`.
        Poll::Ready(unsafe { Pin::new_unchecked(&mut this.arms) }.finish(number))
    }
}

impl<A: Arms> Drop for SelectFuture<A> {
    fn drop(&mut self) {
        if self.progress != Progress::Queued {
            return;
        }
        self.unregister();
        let (arms, claim) = (&mut self.arms, &self.claim);
        // Nobody can win it any more. The arm through which somebody has won gives back what it received.
        // SAFETY: as in `start`.
        unsafe { Pin::new_unchecked(arms) }.with(|arms| over(arms, claim));
    }
}

impl<A: Arms> fmt::Debug for SelectFuture<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectFuture").finish_non_exhaustive()
    }
}
