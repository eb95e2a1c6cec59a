// SPDX-License-Identifier: BSD-3-Clause
//! What sends ticks: a timer that is armed while the channel has room, and rests while a tick waits there.
//!
//! ```text
//!   armed --- due: sends a tick ---> a receiver waited: armed for the next
//!     ^                              nobody did: rests
//!     +------ a receive makes room, and wakes it ------+
//! ```
//!
//! Who rests is queued as a waiting sender that has nothing to give: the receive that takes the tick wakes it as it would
//! any other sender, and a channel that has none pays nothing for that. Always either the timer is armed or the node is
//! queued, so whoever finds one of them due or won is the only one who uses what both share.
#![expect(unsafe_code, reason = "queues a node that lies in a counted timer")]

use alloc::sync::{Arc, Weak};
use alloc::task::Wake;
use core::cell::UnsafeCell;
use core::ptr;
use core::task::Waker;
use core::time::Duration;

use super::core::Shared;
use super::receiver::Receiver;
use super::timed::timed;
use crate::primitive::atomic::{AtomicU64, Ordering};
use crate::sched::timer::{Action, Home, Timer};
use crate::task::claim::{Accepts, Claim};
use crate::time::{Instant, ns_of};
use crate::wait::queue::Node;
use crate::wait::wake::WakeHandle;

/// Sends an instant whenever one is due.
struct Ticks {
    into: Weak<Shared<Instant>>,
    period_ns: u64,
    /// When the last tick was due, or the first one is. Relaxed: the locks of the timer and of the channel, through which
    /// its turns come, order them.
    due_ns: AtomicU64,
    claim: Claim,
    /// What is queued while it rests.
    node: UnsafeCell<Option<Node>>,
}

// SAFETY: the node is touched by whose turn it is (see the module), and under the channel's lock by winners.
unsafe impl Send for Ticks {}
// SAFETY: as above.
unsafe impl Sync for Ticks {}

impl Action for Ticks {
    fn due(timer: &Arc<Timer<Self>>, now_ns: u64) {
        let this = &timer.action;
        let Some(channel) = this.into.upgrade() else { return };
        let due = Instant::from_clock(timer.clock(), this.due_ns.load(Ordering::Relaxed));
        // Should a value have been given back meanwhile there is no room, and this one is missed.
        let _ = channel.try_send(due);
        // Made before the lock, and dropped after it.
        let mut waker = Some(Waker::from(timer.clone()));
        let mut state = channel.state.lock();
        let (is_closed, is_full) = (state.closed, state.buffer.len() >= channel.capacity);
        if is_full && !is_closed {
            // SAFETY: the timer was armed, so no node is queued. This one stays in the counted timer until it has been won,
            // which the close does before the last receiver, and hence the channel, goes: the waker in it counts.
            unsafe {
                let node = this.prepare(&mut waker);
                state.senders.push(node);
            }
        }
        drop(state);
        drop(waker);
        if !is_full && !is_closed {
            this.arm_next(timer, now_ns);
        }
    }
}

impl Ticks {
    /// The node for a new rest.
    ///
    /// # Safety
    ///
    /// No node is queued.
    unsafe fn prepare(&self, waker: &mut Option<Waker>) -> *const Node {
        let generation = self.claim.begin(Accepts::NOTHING).unwrap_or_else(|_| unreachable!());
        let handle = waker.take().map_or_else(|| unreachable!(), WakeHandle::Task);
        let node = Node::with_claim(&raw const self.claim, handle, generation, ptr::null_mut());
        // SAFETY: the caller's promise: nobody has the one before, whose handle its winner has taken.
        unsafe { &mut *self.node.get() }.insert(node)
    }

    /// Arms `timer`, whose action this is, for the next tick after `now_ns`.
    fn arm_next(&self, timer: &Arc<Timer<Self>>, now_ns: u64) {
        let next_ns = next_tick(self.due_ns.load(Ordering::Relaxed), self.period_ns, now_ns);
        self.due_ns.store(next_ns, Ordering::Relaxed);
        timer.arm(next_ns);
    }
}

/// There is room again, or the channel has been closed.
impl Wake for Timer<Ticks> {
    fn wake(self: Arc<Self>) {
        let is_open = self.action.into.upgrade().is_some_and(|channel| !channel.is_closed());
        if is_open && let Some(now_ns) = self.now_ns() {
            self.action.arm_next(&self, now_ns);
        }
    }
}

/// The first tick of the beat that `due_ns` is of which is still to come.
fn next_tick(due_ns: u64, period_ns: u64, now_ns: u64) -> u64 {
    let passed = now_ns.saturating_sub(due_ns) / period_ns;
    due_ns.saturating_add(period_ns.saturating_mul(passed.saturating_add(1)))
}

pub(super) fn ticking(home: Home, period: Duration) -> Receiver<Instant> {
    let period_ns = ns_of(period).max(1);
    let first_ns = home.reading_after(period.max(Duration::from_nanos(1)));
    timed(home, first_ns, |into| Ticks {
        into,
        period_ns,
        due_ns: AtomicU64::new(first_ns),
        claim: Claim::new(),
        node: UnsafeCell::new(None),
    })
}

#[cfg(test)]
mod tests {
    use super::next_tick;

    #[test]
    fn the_next_tick_is_to_come_and_of_the_same_beat() {
        assert_eq!(next_tick(100, 10, 100), 110);
        assert_eq!(next_tick(100, 10, 109), 110);
        assert_eq!(next_tick(100, 10, 110), 120);
        assert_eq!(next_tick(100, 10, 157), 160, "those in between are missed");
        assert_eq!(next_tick(u64::MAX - 5, 10, u64::MAX - 3), u64::MAX, "the end of time");
        assert_eq!(next_tick(5, u64::MAX, 9), u64::MAX);
    }
}
