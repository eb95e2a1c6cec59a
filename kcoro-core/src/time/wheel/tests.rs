// SPDX-License-Identifier: BSD-3-Clause
#![expect(unsafe_code, reason = "links nodes that outlive the wheel")]

use core::ptr::NonNull;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::vec::Vec;

use proptest::prelude::*;

use super::{LEVELS, STEP_TIMERS, Step, TICK_NS, TimerLinks, TimerNode, TimerWheel};

struct Timer {
    links: TimerLinks<Timer>,
    id: usize,
}

// SAFETY: always the same field, which nothing else touches.
unsafe impl TimerNode for Timer {
    fn links(this: NonNull<Self>) -> NonNull<TimerLinks<Self>> {
        // SAFETY: the tests keep their timers alive for as long as the wheel.
        NonNull::from(unsafe { &this.as_ref().links })
    }
}

/// A wheel and timers that outlive it.
struct Harness {
    wheel: Box<TimerWheel<Timer>>,
    timers: Box<[Timer]>,
}

impl Harness {
    fn new(count: usize) -> Self {
        let timers = (0..count).map(|id| Timer { links: TimerLinks::new(), id }).collect();
        Self { wheel: Box::new(TimerWheel::new()), timers }
    }

    fn insert(&mut self, id: usize, deadline_ns: u64) {
        // SAFETY: the tests insert a timer only while it is not armed; it lives as long as the wheel.
        unsafe { self.wheel.insert(NonNull::from(&self.timers[id]), deadline_ns) }
    }

    fn remove(&mut self, id: usize) -> bool {
        // SAFETY: the timer is in this wheel or in none.
        unsafe { self.wheel.remove(NonNull::from(&self.timers[id])) }
    }

    fn advance(&mut self, now_ns: u64) -> Vec<usize> {
        let mut expired = Vec::new();
        loop {
            match self.wheel.expire_step(now_ns) {
                // SAFETY: the timer is one of ours.
                Step::Expired(timer) => expired.push(unsafe { timer.as_ref() }.id),
                Step::Again => {}
                Step::Done => return expired,
            }
        }
    }
}

#[test]
fn a_timer_is_never_early_and_at_most_a_tick_late() {
    let mut harness = Harness::new(1);
    for deadline_ns in [1, TICK_NS - 1, TICK_NS, TICK_NS + 1, 5_000_000, 3_600_000_000_000] {
        let mut harness = Harness::new(1);
        harness.insert(0, deadline_ns);
        assert_eq!(harness.advance(deadline_ns - 1), []);
        assert_eq!(harness.advance(deadline_ns + TICK_NS - 1), [0]);
    }
    harness.insert(0, 0);
    assert_eq!(harness.advance(0), [0]);
}

#[test]
fn a_deadline_in_the_past_expires_with_the_next_step() {
    let mut harness = Harness::new(2);
    assert_eq!(harness.advance(1_000_000_000), []);
    harness.insert(0, 5);
    assert!(harness.wheel.next_expiry_ns().unwrap() <= 1_000_000_000);
    assert_eq!(harness.advance(1_000_000_000), [0]);
    harness.insert(1, 5);
    assert_eq!(harness.advance(7), [1], "a clock reading that runs behind expires nothing early and loses nothing");
}

#[test]
fn timers_of_one_tick_expire_in_the_order_they_were_armed() {
    let mut harness = Harness::new(30);
    const DEADLINE_NS: u64 = 777_777_777;
    (0..10).for_each(|id| harness.insert(id, DEADLINE_NS));
    assert_eq!(harness.advance(DEADLINE_NS / 2), []);
    (10..20).for_each(|id| harness.insert(id, DEADLINE_NS));
    assert_eq!(harness.advance(DEADLINE_NS - 2 * TICK_NS), []);
    (20..30).for_each(|id| harness.insert(id, DEADLINE_NS));
    assert!(harness.advance(DEADLINE_NS + TICK_NS).into_iter().eq(0..30));
}

#[test]
fn a_lone_timer_causes_one_wake() {
    let mut harness = Harness::new(STEP_TIMERS);
    assert_eq!(harness.wheel.next_expiry_ns(), None);
    for id in 0..STEP_TIMERS {
        harness.insert(id, 10_000_000_000 + id as u64);
    }
    assert_eq!(harness.wheel.next_expiry_ns(), Some(10_000_000_000u64.next_multiple_of(TICK_NS)));
}

#[test]
fn the_end_of_time_never_comes() {
    let mut harness = Harness::new(2);
    harness.insert(0, u64::MAX);
    harness.insert(1, u64::MAX - TICK_NS);
    assert_eq!(harness.wheel.next_expiry_ns(), Some(u64::MAX - TICK_NS + 1));
    assert_eq!(harness.advance(u64::MAX), [1]);
    assert_eq!(harness.wheel.next_expiry_ns(), None);
    assert!(harness.remove(0) && !harness.remove(0));
    assert_eq!(harness.wheel.len(), 0);
}

#[test]
fn a_slot_can_change_while_it_moves_down() {
    const TIMERS: usize = STEP_TIMERS * 3;
    let start_ns = 64 * 64 * TICK_NS;
    let mut harness = Harness::new(TIMERS + 1);
    (0..TIMERS).for_each(|id| harness.insert(id, start_ns + id as u64 * TICK_NS));
    assert!(matches!(harness.wheel.expire_step(start_ns), Step::Again));
    assert!(harness.wheel.next_expiry_ns().unwrap() <= start_ns, "the rest is to be moved now");
    assert!(harness.remove(0), "one that has moved");
    assert!((STEP_TIMERS..TIMERS).all(|id| harness.remove(id)), "all that have not");
    harness.insert(TIMERS, start_ns);
    assert_eq!(harness.advance(start_ns), [TIMERS]);
    assert!(harness.advance(u64::MAX).into_iter().eq(1..STEP_TIMERS));
}

#[test]
fn a_million_timers_move_at_most_once_per_level() {
    const TIMERS: usize = if cfg!(miri) { 1_000 } else { 1_000_000 };
    let mut harness = Harness::new(TIMERS);
    // Spread over 18 minutes by a fixed sequence with a full period.
    let deadline_ns = |id: usize| (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24;
    (0..TIMERS).for_each(|id| harness.insert(id, deadline_ns(id)));
    assert_eq!(harness.wheel.len(), TIMERS);
    (0..TIMERS).step_by(2).for_each(|id| assert!(harness.remove(id)));
    let (mut expired, mut last_tick) = (0, 0);
    for id in harness.advance(1 << 41) {
        let tick = deadline_ns(id).div_ceil(TICK_NS);
        assert!(id % 2 == 1 && tick >= last_tick);
        (expired, last_tick) = (expired + 1, tick);
    }
    assert_eq!((expired, harness.wheel.len()), (TIMERS / 2, 0));
    assert!(harness.wheel.moves <= expired * (LEVELS - 1));
}

/// One step of the comparison with the model.
#[derive(Clone, Debug)]
enum Operation {
    /// Arms the timer, disarming it first if need be.
    Insert(usize, u64),
    Remove(usize),
    /// Moves the clock this far.
    Advance(u64),
    /// Moves the clock to what the wheel says.
    AdvanceToNext,
}

const TIMERS: usize = 40;

/// Times of every magnitude, both ends included.
fn time_ns() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (any::<u64>(), 0..64u32).prop_map(|(bits, shift)| bits >> shift),
        2 => 0..4 * TICK_NS,
        1 => (0..2 * TICK_NS).prop_map(|before_end| u64::MAX - before_end),
        1 => (0..54u32, 0..3u64).prop_map(|(shift, offset)| ((TICK_NS << shift) + offset).saturating_sub(1)),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (0..TIMERS, time_ns()).prop_map(|(id, ns)| Operation::Insert(id, ns)),
        2 => (0..TIMERS).prop_map(Operation::Remove),
        2 => (any::<u64>(), 14..64u32).prop_map(|(bits, shift)| Operation::Advance(bits >> shift)),
        2 => Just(Operation::AdvanceToNext),
    ]
}

/// What the wheel must do, said as simply as possible.
#[derive(Default)]
struct Model {
    now_ns: u64,
    armed: BTreeMap<(u64, usize), usize>,
    inserted: usize,
}

impl Model {
    fn insert(&mut self, id: usize, deadline_ns: u64) {
        // Deadlines in the past queue behind those of the current tick.
        let tick = deadline_ns.div_ceil(TICK_NS).max(self.now_ns / TICK_NS);
        self.inserted += 1;
        self.armed.insert((tick, self.inserted), id);
    }

    fn remove(&mut self, id: usize) -> bool {
        let before = self.armed.len();
        self.armed.retain(|_, armed| *armed != id);
        self.armed.len() < before
    }

    fn advance(&mut self, now_ns: u64) -> Vec<usize> {
        self.now_ns = now_ns;
        let later = self.armed.split_off(&(now_ns / TICK_NS + 1, 0));
        core::mem::replace(&mut self.armed, later).into_values().collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_wheel_does_what_an_ordered_map_does(operations in prop::collection::vec(operation(), 1..200)) {
        let (mut harness, mut model) = (Harness::new(TIMERS), Model::default());
        for operation in operations {
            match operation {
                Operation::Insert(id, deadline_ns) => {
                    prop_assert_eq!(harness.remove(id), model.remove(id));
                    harness.insert(id, deadline_ns);
                    model.insert(id, deadline_ns);
                }
                Operation::Remove(id) => prop_assert_eq!(harness.remove(id), model.remove(id)),
                Operation::Advance(by_ns) => {
                    let now_ns = model.now_ns.saturating_add(by_ns);
                    prop_assert_eq!(harness.advance(now_ns), model.advance(now_ns));
                }
                Operation::AdvanceToNext => {
                    let now_ns = harness.wheel.next_expiry_ns().unwrap_or(model.now_ns).max(model.now_ns);
                    prop_assert_eq!(harness.advance(now_ns), model.advance(now_ns));
                }
            }
            prop_assert_eq!(harness.wheel.len(), model.armed.len());
            let earliest_ns = model.armed.keys().next().and_then(|(tick, _)| tick.checked_mul(TICK_NS));
            let next_ns = harness.wheel.next_expiry_ns();
            match earliest_ns {
                Some(earliest_ns) => prop_assert!(next_ns.is_some_and(|next_ns| next_ns <= earliest_ns)),
                None => prop_assert_eq!(next_ns, None),
            }
        }
    }
}
