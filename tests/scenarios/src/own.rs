// SPDX-License-Identifier: BSD-3-Clause
//! What each coroutine has of its own: values, registers, floating-point control.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use kcoro_core::channel::rendezvous;
use kcoro_core::sched::{Builder, CoroutineLocal, spawn, yield_now};

use crate::Stage;
use crate::fp_control;
use crate::tools::Drops;

pub(crate) fn locals_are_each_coroutines_own(stage: &Stage) {
    static COUNT: CoroutineLocal<Cell<u32>> = CoroutineLocal::new(|| Cell::new(0));
    static OTHER: CoroutineLocal<Cell<u32>> = CoroutineLocal::new(|| Cell::new(100));
    let rounds = stage.pick(3, 50);
    let count = move || {
        for _ in 0..rounds {
            COUNT.with(|count| count.set(count.get() + 1)).unwrap();
            yield_now();
            OTHER.with(|other| other.set(other.get() + 2)).unwrap();
        }
        (COUNT.with(Cell::get).unwrap(), OTHER.with(Cell::get).unwrap())
    };
    let handles: Vec<_> = (0..5).map(|_| spawn(count).unwrap()).collect();
    assert_eq!(COUNT.with(Cell::get), Ok(0), "here nobody has counted");
    assert!(handles.into_iter().all(|handle| handle.join().unwrap() == (rounds, 100 + 2 * rounds)));
}

pub(crate) fn locals_are_dropped_at_the_end_newest_first(_: &Stage) {
    static FIRST: CoroutineLocal<RefCell<Option<Noting>>> = CoroutineLocal::new(|| RefCell::new(None));
    static SECOND: CoroutineLocal<RefCell<Option<Noting>>> = CoroutineLocal::new(|| RefCell::new(None));
    struct Noting(Drops, usize);
    impl Drop for Noting {
        fn drop(&mut self) {
            assert_eq!(self.0.count(), self.1, "out of order");
            drop(self.0.value());
        }
    }
    let drops = Drops::new();
    let keep = drops.clone();
    let body = move || {
        FIRST.with(|first| first.replace(Some(Noting(keep.clone(), 1)))).unwrap();
        SECOND.with(|second| second.replace(Some(Noting(keep.clone(), 0)))).unwrap();
        yield_now();
        keep.count()
    };
    assert_eq!(spawn(body).unwrap().join().unwrap(), 0, "not before the end");
    assert_eq!(drops.count(), 2);
}

/// A sum whose every bit depends on the registers being what they were, with `pause` between two steps.
fn series(seed: u32, pause: impl Fn()) -> [u64; 4] {
    let mut sums = [1.0, 0.5, 0.25, 0.125].map(|part: f64| part * f64::from(seed + 1));
    let mut mixed = u64::from(seed);
    for step in 1..20u32 {
        pause();
        for (index, sum) in sums.iter_mut().enumerate() {
            *sum += black_box(*sum) / f64::from(step + index as u32);
        }
        mixed = black_box(mixed).rotate_left(step) ^ sums[step as usize % 4].to_bits();
    }
    [mixed, sums[0].to_bits(), sums[1].to_bits(), (sums[2] * sums[3]).to_bits()]
}

pub(crate) fn registers_survive_every_suspension(stage: &Stage) {
    let handles = (0..stage.pick(4, 100)).map(|seed| spawn(move || (seed, series(seed, yield_now))).unwrap());
    let handles: Vec<_> = handles.collect();
    for (seed, sums) in handles.into_iter().map(|handle| handle.join().unwrap()) {
        assert_eq!(sums, series(seed, || ()));
    }
}

pub(crate) fn own_fp_control_survives_and_stays_ones_own(stage: &Stage) {
    let (default, rounds) = (fp_control::read(), stage.pick(3, 100));
    let (tx, rx) = rendezvous::<u32>();
    let own = |value: u64| {
        let tx = tx.clone();
        let body = move || {
            assert_eq!(fp_control::read(), default, "everyone starts with the default");
            fp_control::write(value);
            for n in 0..rounds {
                yield_now();
                assert_eq!(fp_control::read(), value);
                tx.send(n).unwrap();
                assert_eq!(fp_control::read(), value);
            }
            // It ends as it is: those who come after see the default all the same.
        };
        Builder::new().own_fp_control().spawn(body).unwrap()
    };
    let plain = move || {
        for _ in 0..rounds {
            assert_eq!(fp_control::read(), default);
            yield_now();
        }
    };
    let owners = [fp_control::ROUND_UP, fp_control::ROUND_DOWN, fp_control::ROUND_UP].map(own);
    let plain = [(), (), ()].map(|()| spawn(plain).unwrap());
    drop(tx);
    assert_eq!(rx.iter().count(), 3 * rounds as usize);
    owners.into_iter().chain(plain).for_each(|handle| handle.join().unwrap());
    assert_eq!(fp_control::read(), default);
}

pub(crate) fn each_coroutine_has_a_stack_of_the_size_it_asked_for(stage: &Stage) {
    #[inline(never)]
    fn fill(depth: u32, seen: &AtomicU32) -> u32 {
        let page = black_box([depth as u8; 1024]);
        yield_now();
        seen.fetch_add(1, Ordering::Relaxed);
        let below = if depth == 0 { 0 } else { fill(depth - 1, seen) };
        below + u32::from(page.iter().all(|byte| *byte == depth as u8))
    }
    // More than a backend's default stack has, on a stage that is asked for much.
    let depth = stage.pick(20, 400);
    let body = move || fill(depth, &AtomicU32::new(0));
    let large = |_| Builder::new().stack_size((depth as usize + 1) * 4096 + 32 * 1024).spawn(body).unwrap();
    let handles: Vec<_> = (0..3).map(large).collect();
    assert!(handles.into_iter().all(|handle| handle.join().unwrap() == depth + 1));
}
