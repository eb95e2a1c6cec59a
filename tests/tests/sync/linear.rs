// SPDX-License-Identifier: BSD-3-Clause
//! What locks and semaphores show is linearizable: under seeds in the simulator, and on real workers and threads.
//!
//! `KCORO_LINEAR_SEEDS=n` runs more seeds, `KCORO_SEED=n` one.

use std::sync::Arc;

use kcoro_posix::sync::Semaphore;
use kcoro_tests::linear::models::permits::{Permits, Refusal};
use kcoro_tests::linear::programs::permits::{OneHolder, Ones, ReadersAndWriters, Several, WRITER, run};
use kcoro_tests::linear::programs::{Processes, check_real, check_simulated, count};

/// For each object.
const SEEDS: u64 = 900;
/// For each object.
const HISTORIES: u64 = 500;

const ONE: Permits = Permits { total: 1, refusal: Refusal::TooFew };
const TWO: Permits = Permits { total: 2, refusal: Refusal::TooFew };
const FOUR: Permits = Permits { total: 4, refusal: Refusal::Unknown };
const READERS_OR_WRITER: Permits = Permits { total: WRITER, refusal: Refusal::Unknown };

fn semaphore(permits: Permits) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits.total))
}

#[test]
fn a_mutex_has_one_holder_under_every_seed() {
    check_simulated(&ONE, SEEDS, |setting| run(setting, &OneHolder::default()));
}

#[test]
fn a_mutex_has_one_holder_among_coroutines_and_threads() {
    for processes in [Processes::Coroutines, Processes::CoroutinesAndThreads] {
        check_real(&ONE, count(HISTORIES), processes, |setting| run(setting, &OneHolder::default()));
    }
}

#[test]
fn a_semaphore_has_as_many_permits_as_it_says_under_every_seed() {
    check_simulated(&TWO, SEEDS, |setting| run(setting, &Ones(semaphore(TWO))));
    check_simulated(&FOUR, SEEDS, |setting| run(setting, &Several(semaphore(FOUR))));
}

#[test]
fn a_semaphore_has_as_many_permits_as_it_says_among_coroutines_and_threads() {
    for processes in [Processes::Coroutines, Processes::CoroutinesAndThreads] {
        check_real(&TWO, count(HISTORIES), processes, |setting| run(setting, &Ones(semaphore(TWO))));
        check_real(&FOUR, count(HISTORIES), processes, |setting| run(setting, &Several(semaphore(FOUR))));
    }
}

#[test]
fn a_lock_has_readers_or_one_writer_under_every_seed() {
    check_simulated(&READERS_OR_WRITER, SEEDS, |setting| run(setting, &ReadersAndWriters::default()));
}

#[test]
fn a_lock_has_readers_or_one_writer_among_coroutines_and_threads() {
    check_real(&READERS_OR_WRITER, count(HISTORIES), Processes::CoroutinesAndThreads, |setting| {
        run(setting, &ReadersAndWriters::default())
    });
}
