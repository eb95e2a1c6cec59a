// SPDX-License-Identifier: BSD-3-Clause
//! The stores against a queue of the standard library.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use proptest::prelude::*;

use super::Store;

/// What a channel does with its store.
#[derive(Clone, Copy, Debug)]
enum Step {
    Push,
    PushFront,
    Pop,
    /// Asks for the slot behind the last value and does not use it: the sender that was to fill it had gone.
    Look,
    /// As [`Step::Look`], and uses it.
    Fill,
}

fn steps() -> impl Strategy<Value = std::vec::Vec<Step>> {
    let step = prop_oneof![
        5 => Just(Step::Push),
        1 => Just(Step::PushFront),
        5 => Just(Step::Pop),
        1 => Just(Step::Look),
        1 => Just(Step::Fill),
    ];
    // A prevailing direction now and then, so that lengths cross the ends of segments both ways.
    let run = (step, 1..40_usize).prop_map(|(step, times)| std::vec![step; times]);
    prop::collection::vec(run, 0..if cfg!(miri) { 10 } else { 60 }).prop_map(|runs| runs.concat())
}

/// Calls `store` until it has room.
fn with_room<T>(store: &mut Store<T>, capacity: usize, mut act: impl FnMut(&mut Store<T>) -> bool) {
    while !act(store) {
        let slots = store.slots();
        let mut growth = Store::growth(capacity, slots);
        store.grow(&mut growth, slots);
    }
}

/// Plays `steps`; the values are boxed numbers, so that one which is lost or taken twice is noticed.
fn play<T>(steps: &[Step], capacity: usize, make: impl Fn(u64) -> T, number: impl Fn(&T) -> u64) {
    let mut store = Store::<T>::new(capacity);
    let mut model = VecDeque::new();
    for (nth, step) in steps.iter().enumerate() {
        let (nth, may_enter) = (nth as u64, model.len() < capacity);
        match step {
            Step::Pop => assert_eq!(store.pop().map(|value| number(&value)), model.pop_front()),
            Step::Push if may_enter => {
                let value = core::mem::ManuallyDrop::new(make(nth));
                // SAFETY: the value is moved once, when there is room.
                with_room(&mut store, capacity, |store| unsafe { store.push(&raw const *value) });
                model.push_back(number(&value));
            }
            // One more than the capacity is possible, as when a receive gives its value back.
            Step::PushFront => {
                let value = core::mem::ManuallyDrop::new(make(nth));
                // SAFETY: as above.
                with_room(&mut store, capacity, |store| unsafe { store.push_front(&raw const *value) });
                model.push_front(number(&value));
            }
            Step::Look if may_enter => with_room(&mut store, capacity, |store| store.next_slot().is_some()),
            Step::Fill if may_enter => {
                with_room(&mut store, capacity, |store| store.next_slot().is_some());
                let slot = store.next_slot().expect("it has room");
                let value = make(nth);
                model.push_back(number(&value));
                // SAFETY: the slot is free, and written before it is committed.
                unsafe {
                    slot.write(value);
                    store.commit();
                }
            }
            Step::Push | Step::Look | Step::Fill => {}
        }
        assert_eq!(store.len(), model.len());
        drop(store.take_surplus());
    }
    for expected in model {
        assert_eq!(store.pop().map(|value| number(&value)), Some(expected));
    }
    assert!(store.pop().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 300 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ring_is_a_queue(steps in steps(), capacity in 0..9_usize) {
        play(&steps, capacity, Box::new, |value| **value);
    }

    #[test]
    fn segments_are_a_queue(steps in steps()) {
        play(&steps, usize::MAX, Box::new, |value| **value);
        // Eight to a segment.
        play(&steps, usize::MAX, |n| (Box::new(n), [0_u8; 500]), |value| *value.0);
    }

    #[test]
    fn segments_of_one_value_each_are_a_queue(steps in steps()) {
        play(&steps, usize::MAX, |n| (n, [0_u8; 5000]), |value| value.0);
    }

    #[test]
    fn values_without_a_size_are_counted(steps in steps(), capacity in prop_oneof![0..9_usize, Just(usize::MAX)]) {
        play(&steps, capacity, |_| (), |()| 0);
    }
}

#[test]
fn what_was_needed_for_many_is_given_back() {
    let mut store = Store::<u64>::new(usize::MAX);
    for nth in 0..10_000_u64 {
        // SAFETY: a number may be copied.
        with_room(&mut store, usize::MAX, |store| unsafe { store.push(&nth) });
    }
    assert!(store.slots() >= 10_000);
    let mut given_back = 0;
    while store.pop().is_some() {
        given_back += usize::from(store.take_surplus().is_some());
    }
    // One is in use, one is spare.
    assert_eq!((store.slots(), given_back), (512, 10_000_usize.div_ceil(512) - 2));
}
