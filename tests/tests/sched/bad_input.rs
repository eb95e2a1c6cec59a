// SPDX-License-Identifier: BSD-3-Clause
//! Whatever a caller asks for: it works, or a typed error says what was wrong and what would be right.

use std::sync::Arc;
use std::time::Duration;

use kcoro_posix::sched::{
    BuildError, Builder, JoinError, RunError, Runtime, SpawnError, TryJoinError, spawn, spawn_local, try_spawn,
    yield_now, yield_to,
};
use kcoro_posix::stack::StackError;
use kcoro_tests::platform::{Stingy, Supply};
use kcoro_tests::{LONG, builder, end, runtime};

const MIN_BYTES: usize = 16 * 1024;
const MAX_BYTES: usize = 1 << 30;

#[test]
fn a_stack_of_no_size_or_too_little_is_refused() {
    let runtime = runtime(1);
    for size_bytes in [0, 1, MIN_BYTES - 1] {
        let why = StackError::TooSmall { size_bytes, min_bytes: MIN_BYTES };
        assert_eq!(builder().stack_size(size_bytes).build().unwrap_err(), BuildError::Stack(why));
        let refused = runtime.builder().stack_size(size_bytes).spawn(|| 1).unwrap_err();
        assert_eq!(refused, SpawnError::Stack(why));
    }
    end(runtime);
}

#[test]
fn a_stack_larger_than_any_is_refused() {
    let runtime = runtime(1);
    for size_bytes in [MAX_BYTES + 1, usize::MAX / 2 + 2, usize::MAX] {
        let why = StackError::TooLarge { size_bytes, max_bytes: MAX_BYTES };
        assert_eq!(builder().stack_size(size_bytes).build().unwrap_err(), BuildError::Stack(why));
        let refused = runtime.builder().stack_size(size_bytes).spawn(|| 1).unwrap_err();
        assert_eq!(refused, SpawnError::Stack(why));
    }
    end(runtime);
}

#[test]
fn the_smallest_odd_and_largest_stacks_run() {
    let runtime = runtime(1);
    for size_bytes in [MIN_BYTES, MIN_BYTES + 1, 100_000, MAX_BYTES] {
        let handle = runtime.builder().stack_size(size_bytes).spawn(|| {
            yield_now();
            7
        });
        assert_eq!(handle.unwrap().join().unwrap(), 7);
    }
    end(runtime);
}

#[test]
fn no_workers_and_too_many_are_refused() {
    assert_eq!(builder().workers(0).build().unwrap_err(), BuildError::NoWorkers);
    assert_eq!(builder().workers(0).build_local().unwrap_err(), BuildError::NoWorkers);
    for workers in [1025, usize::MAX] {
        let refused = builder().workers(workers).build().unwrap_err();
        assert_eq!(refused, BuildError::TooManyWorkers { workers, max: 1024 });
    }
}

#[test]
fn more_workers_than_the_machine_has_work() {
    let runtime = runtime(64);
    assert_eq!(runtime.workers(), 64);
    let handles: Vec<_> = (0..64)
        .map(|worker| {
            let body = || {
                yield_now();
                std::thread::current().name().map(str::to_owned)
            };
            runtime.builder().worker(worker).spawn(body).unwrap()
        })
        .collect();
    for (worker, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.join().unwrap(), Some(format!("kcoro-{worker}")));
    }
    end(runtime);
}

#[test]
fn a_worker_that_does_not_start_ends_those_that_did() {
    for (given, wanted) in [(0, 1), (1, 2), (3, 5)] {
        let supply = Supply::workers(given);
        let refused = Runtime::builder(Stingy::new(&supply)).workers(wanted).build().unwrap_err();
        assert!(matches!(refused, BuildError::Worker { index, .. } if index == given), "{refused}");
        assert_eq!(Arc::strong_count(&supply), 1, "the platform is gone");
    }
    let supply = Supply::workers(2);
    let refused = Runtime::builder(Stingy::new(&supply)).workers(3).build_local().unwrap_err();
    assert!(matches!(refused, BuildError::Worker { index: 2, .. }), "{refused}");
    assert_eq!(Arc::strong_count(&supply), 1, "the platform is gone");
}

#[test]
fn a_worker_that_does_not_exist_is_refused() {
    let runtime = runtime(2);
    let refused = runtime.builder().worker(2).spawn(|| ()).unwrap_err();
    assert_eq!(refused, SpawnError::NoWorker { index: 2, workers: 2 });
    end(runtime);
}

#[test]
fn a_limit_of_nothing_is_refused() {
    assert_eq!(builder().limit(0).build().unwrap_err(), BuildError::ZeroLimit);
    assert_eq!(builder().limit(0).build_local().unwrap_err(), BuildError::ZeroLimit);
}

#[test]
fn spawning_after_the_shutdown_is_refused_and_drops_the_closure() {
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let handle = runtime.handle().clone();
        end(runtime);
        let (kept, given) = (Arc::new(()), Arc::new(()));
        let captured = given.clone();
        assert_eq!(handle.spawn(move || drop(captured)).unwrap_err(), SpawnError::Shutdown);
        assert_eq!(handle.try_spawn(|| ()).unwrap_err(), SpawnError::Shutdown);
        assert_eq!(handle.builder().worker(0).spawn(|| ()).unwrap_err(), SpawnError::Shutdown);
        assert_eq!((Arc::strong_count(&kept), Arc::strong_count(&given)), (1, 1));
        assert_eq!(handle.stats().spawned, handle.stats().ended);
    }
}

#[test]
fn spawning_outside_of_a_runtime_is_refused() {
    assert_eq!(spawn(|| ()).unwrap_err(), SpawnError::NoRuntime);
    assert_eq!(try_spawn(|| ()).unwrap_err(), SpawnError::NoRuntime);
    assert_eq!(spawn_local(|| ()).unwrap_err(), SpawnError::NoRuntime);
    assert_eq!(Builder::new().worker(0).spawn(|| ()).unwrap_err(), SpawnError::NoRuntime);
    let runtime = runtime(1);
    assert_eq!(runtime.builder().near().spawn(|| ()).unwrap_err(), SpawnError::NoRuntime);
    assert_eq!(runtime.builder().spawn_local(|| ()).unwrap_err(), SpawnError::NoRuntime);
    assert_eq!(runtime.stats().spawned, 0);
    end(runtime);
}

#[test]
fn a_refused_local_spawn_keeps_no_place_under_the_limit() {
    let runtime = builder().workers(1).limit(1).build().unwrap();
    for _ in 0..3 {
        assert_eq!(runtime.builder().spawn_local(|| ()).unwrap_err(), SpawnError::NoRuntime);
    }
    assert_eq!(runtime.run(|| 5).unwrap(), 5);
    end(runtime);
}

#[test]
fn joining_oneself_is_refused() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let (tx, rx) = kcoro_posix::channel::bounded(1);
            let own = spawn(move || {
                let mut own: kcoro_posix::sched::JoinHandle<()> = rx.recv().unwrap();
                let timed = own.join_timeout(LONG);
                assert!(matches!(timed, Err(TryJoinError::Failed(JoinError::Itself))));
                assert!(matches!(own.try_join(), Err(TryJoinError::NotYet)));
                assert!(!yield_to(&own));
                assert!(matches!(own.join_mut(), Err(JoinError::Itself)));
                assert!(matches!(own.join(), Err(JoinError::Itself)));
            });
            let (done_tx, done_rx) = kcoro_posix::channel::bounded(1);
            tx.send(own.unwrap()).unwrap();
            // It is detached by its last join: another coroutine of the same worker comes after it.
            spawn(move || done_tx.send(()).unwrap()).unwrap().detach();
            done_rx.recv().unwrap();
        })
        .unwrap();
    end(runtime);
}

#[test]
fn an_output_is_taken_once() {
    let runtime = runtime(1);
    let mut handle = runtime.spawn(|| 9).unwrap();
    assert_eq!(handle.join_mut().unwrap(), 9);
    assert!(matches!(handle.join_mut(), Err(JoinError::AlreadyTaken)));
    assert!(matches!(handle.try_join(), Err(TryJoinError::Failed(JoinError::AlreadyTaken))));
    assert!(matches!(handle.join_timeout(Duration::ZERO), Err(TryJoinError::Failed(JoinError::AlreadyTaken))));
    end(runtime);
}

#[test]
fn a_local_runtime_is_not_driven_inside_of_a_runtime() {
    let runtime = runtime(1);
    runtime
        .run(|| {
            let local = builder().workers(1).build_local().unwrap();
            assert!(matches!(local.run(|| ()), Err(RunError::InsideRuntime)));
            assert!(local.shutdown(LONG).is_clean());
        })
        .unwrap();
    end(runtime);
    let local = builder().workers(1).build_local().unwrap();
    let inner = local.run(|| local.run(|| ()).map_err(|why| matches!(why, RunError::InsideRuntime)));
    assert_eq!(inner.unwrap(), Err(true));
    assert!(local.shutdown(LONG).is_clean());
}

#[test]
fn run_works_inside_of_its_own_and_of_another_runtime() {
    let (outer, inner) = (runtime(1), runtime(1));
    let sum = outer.run(|| outer.run(|| 1).unwrap() + inner.run(|| outer.run(|| 2).unwrap()).unwrap());
    assert_eq!(sum.unwrap(), 3);
    end(outer);
    end(inner);
}

#[test]
fn a_root_that_panics_says_so() {
    let runtime = runtime(1);
    let error = runtime.run(|| panic!("root")).unwrap_err();
    assert_eq!(error.to_string(), "the root coroutine panicked: root");
    assert_eq!(runtime.run(|| 1).unwrap(), 1, "the runtime goes on");
    end(runtime);
}

#[test]
fn closures_and_outputs_of_any_size_and_alignment_work() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(256))]
    struct Wide([u8; 300]);
    let runtime = runtime(2);
    let wide = Wide([7; 300]);
    let check = move || {
        yield_now();
        assert_eq!((&raw const wide).addr() % 256, 0);
        wide
    };
    assert_eq!(runtime.spawn(check).unwrap().join().unwrap(), wide);
    assert_eq!(runtime.spawn(move || wide.0[0]).unwrap().join().unwrap(), 7);
    assert_eq!(runtime.spawn(|| Wide([1; 300])).unwrap().join().unwrap(), Wide([1; 300]));
    runtime.spawn(|| ()).unwrap().join().unwrap();
    end(runtime);
}
