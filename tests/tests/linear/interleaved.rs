// SPDX-License-Identifier: BSD-3-Clause
//! Builds with `--cfg kcoro_interleave`: histories show bugs of which other workers see something between two operations
//! of an atomic only, where nothing suspends. Other builds cannot find them in the simulator.
#![cfg(kcoro_interleave)]

use std::sync::Arc;
use std::time::Duration;

use kcoro_sim::interleave::atomic::{AtomicBool, Ordering};
use kcoro_sim::sched::yield_now;
use kcoro_tests::linear::models::channel::Form;
use kcoro_tests::linear::models::lock::Exclusive;
use kcoro_tests::linear::programs::lock::{self, Subject};
use kcoro_tests::linear::programs::{check_simulated, simulate};

const SEEDS: u64 = 300;

/// How a flag is taken; says whether it was free.
trait Take: Send + 'static {
    fn take(flag: &AtomicBool) -> bool;
}

/// A lock that tries again and again.
struct Flag<T>(Arc<AtomicBool>, std::marker::PhantomData<T>);

impl<T> Flag<T> {
    fn new() -> Self {
        Self(Arc::default(), std::marker::PhantomData)
    }
}

impl<T> Clone for Flag<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), std::marker::PhantomData)
    }
}

impl<T: Take> Subject for Flag<T> {
    fn lock(&self, form: Form, _patience: Duration) -> bool {
        while !T::take(&self.0) {
            if form != Form::Wait {
                return false;
            }
            yield_now();
        }
        true
    }

    fn unlock(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[test]
fn a_lock_that_is_taken_in_one_operation_is_held_by_one() {
    struct AtOnce;
    impl Take for AtOnce {
        fn take(flag: &AtomicBool) -> bool {
            !flag.swap(true, Ordering::SeqCst)
        }
    }
    check_simulated(&Exclusive, SEEDS, |setting| lock::run(setting, &Flag::<AtOnce>::new()));
}

#[test]
fn a_lock_that_is_taken_in_two_operations_is_found_with_two_workers_and_not_with_one() {
    struct LoadsThenStores;
    impl Take for LoadsThenStores {
        fn take(flag: &AtomicBool) -> bool {
            let is_free = !flag.load(Ordering::SeqCst);
            if is_free {
                flag.store(true, Ordering::SeqCst);
            }
            is_free
        }
    }
    let found = |workers| {
        simulate(&Exclusive, 0..SEEDS, workers, |setting| lock::run(setting, &Flag::<LoadsThenStores>::new())).err()
    };
    // Nobody else has a turn between the two.
    assert!(found(1).is_none());
    let message = found(2).expect("a seed that finds the bug").problem.to_string();
    assert!(message.contains("Locked") && message.contains("operations prove it"), "{message}");
}
