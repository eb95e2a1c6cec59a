// SPDX-License-Identifier: BSD-3-Clause
//! The end of a coroutine: its output, its panic, its closure, its handle.

use std::collections::HashSet;
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use kcoro_posix::channel::bounded;
use kcoro_posix::sched::{Builder, CoroutineLocal, JoinError, spawn, yield_now};
use kcoro_posix::wait::block_on;
use kcoro_tests::counted::{Bomb, Counted, Drops, OnDrop};
use kcoro_tests::{Hog, builder, end, runtime, until, until_parks};

#[test]
fn an_output_is_dropped_once_in_every_order() {
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let drops = Drops::new();
        let make = || {
            let value = drops.value();
            runtime.spawn(move || {
                yield_now();
                value
            })
        };
        let expect = |count| {
            while drops.count() < count {
                std::thread::yield_now()
            }
        };
        drop(make().unwrap().join().unwrap());
        assert_eq!(drops.count(), 1, "joined");
        drop(make().unwrap());
        expect(2);
        let ended = make().unwrap();
        while !ended.is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(drops.count(), 2, "ended, and the handle has it");
        drop(ended);
        assert_eq!(drops.count(), 3);
        make().unwrap().detach();
        expect(4);
        std::mem::forget(make().unwrap());
        let mut taken = make().unwrap();
        drop(taken.join_mut().unwrap());
        drop(taken);
        assert_eq!(drops.count(), 5, "taken, then dropped; the forgotten one is leaked");
        end(runtime);
        assert_eq!(drops.count(), 5);
    }
}

#[test]
fn a_handle_dropped_as_its_coroutine_ends_loses_nothing() {
    let runtime = runtime(2);
    let drops = Drops::new();
    for round in 0..2000 {
        let value = drops.value();
        let handle = runtime.spawn(move || value).unwrap();
        (0..round % 50).for_each(|_| std::hint::spin_loop());
        drop(handle);
    }
    end(runtime);
    assert_eq!(drops.count(), 2000);
}

#[test]
fn a_cancel_before_the_first_run_is_honoured_and_drops_the_closure_once() {
    let runtime = runtime(1);
    let hog = Hog::on(&runtime, 0);
    let drops = Drops::new();
    let handles: Vec<_> = [runtime.builder(), runtime.builder().worker(0)]
        .map(|builder| {
            let value = drops.value();
            builder.spawn(move || drop(value)).unwrap()
        })
        .into();
    handles.iter().for_each(|handle| handle.cancel());
    assert_eq!(drops.count(), 0);
    hog.release();
    handles.into_iter().for_each(|handle| assert!(matches!(handle.join(), Err(JoinError::Cancelled))));
    assert_eq!(drops.count(), 2);
    end(runtime);
}

#[test]
fn a_panic_whose_payload_panics_when_dropped_is_dropped_quietly() {
    let runtime = runtime(1);
    let drops = Drops::new();
    let bomb = |drops: &Drops| -> Bomb { drops.bomb() };
    for round in 0..3 {
        let value = bomb(&drops);
        let (go, going) = bounded::<()>(1);
        let handle = runtime.spawn(move || -> u8 {
            let _ = going.recv();
            std::panic::resume_unwind(Box::new(value));
        });
        let handle = handle.unwrap();
        match round {
            // Before the end, after the end, and by a join that hands it out.
            0 => drop(handle),
            1 => {
                drop(go);
                while !handle.is_finished() {
                    std::thread::yield_now();
                }
                drop(handle);
                continue;
            }
            _ => {
                drop(go);
                std::mem::forget(handle.join().unwrap_err().into_panic().unwrap());
                continue;
            }
        }
        drop(go);
    }
    assert_eq!(runtime.run(|| 1).unwrap(), 1, "the worker lives");
    end(runtime);
    assert_eq!(drops.count(), 2);
}

#[test]
fn an_output_or_closure_whose_drop_panics_does_not_end_the_worker() {
    let runtime = runtime(1);
    let drops = Drops::new();
    let value = drops.bomb();
    runtime.spawn(move || value).unwrap().detach();
    let hog = Hog::on(&runtime, 0);
    let value = drops.bomb();
    let rejected = runtime.spawn(move || drop(value)).unwrap();
    rejected.cancel();
    hog.release();
    assert!(matches!(rejected.join(), Err(JoinError::Cancelled)));
    assert_eq!(runtime.run(|| 1).unwrap(), 1);
    end(runtime);
    assert_eq!(drops.count(), 2);
}

#[test]
fn the_hook_is_called_once_for_each_panic_that_nobody_sees() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook_seen = seen.clone();
    let hook = move |panic: &kcoro_posix::sched::UnobservedPanic<'_>| {
        hook_seen.lock().unwrap().push((panic.id, panic.name.map(str::to_owned), panic.spawn_site.line()));
        std::panic::resume_unwind(Box::new("hooks may panic"));
    };
    let runtime = builder().workers(1).on_unobserved_panic(hook).build().unwrap();
    let hog = Hog::on(&runtime, 0);
    let panics = || std::panic::resume_unwind(Box::new(()));
    let unseen = runtime.builder().name("unseen").spawn(panics).unwrap();
    let id = unseen.id();
    let line = unseen.spawn_site().line();
    drop(unseen);
    let joined = runtime.spawn(panics).unwrap();
    hog.release();
    assert!(matches!(joined.join(), Err(JoinError::Panicked(_))));
    end(runtime);
    assert_eq!(*seen.lock().unwrap(), [(id, Some("unseen".to_owned()), line)]);
}

#[test]
fn names_numbers_and_spawn_sites_are_the_spawners() {
    let runtime = runtime(3);
    let (here, handle) = (Location::caller(), runtime.spawn(|| ()).unwrap());
    assert_eq!((handle.spawn_site().file(), handle.spawn_site().line()), (here.file(), line!() - 1));
    assert_eq!(handle.name(), None);
    handle.join().unwrap();
    let named = runtime.builder().name("a name").spawn(|| spawn(|| ()).unwrap().spawn_site().line()).unwrap();
    assert_eq!((named.name(), named.join().unwrap()), (Some("a name"), line!() - 1));
    let ids = |_| {
        let spawner = || (0..100).map(|_| spawn(|| ()).unwrap().id()).collect::<Vec<_>>();
        let mut ids = runtime.spawn(spawner).unwrap().join().unwrap();
        ids.push(runtime.spawn(|| ()).unwrap().id());
        ids
    };
    let ids: Vec<u64> = (0..30).flat_map(ids).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    end(runtime);
}

#[test]
fn a_local_that_a_destructor_uses_after_its_drop_is_made_anew_and_dropped_again() {
    static DROPS: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    struct Named(&'static str);
    impl Drop for Named {
        fn drop(&mut self) {
            if self.0 == "first" {
                SECOND.with(|_| ()).unwrap();
            }
            DROPS.lock().unwrap().push(self.0);
        }
    }
    static FIRST: CoroutineLocal<Named> = CoroutineLocal::new(|| Named("first"));
    static SECOND: CoroutineLocal<Named> = CoroutineLocal::new(|| Named("second"));
    let runtime = runtime(1);
    let both = || FIRST.with(|first| assert_eq!(SECOND.with(|_| first.0).unwrap(), "first")).unwrap();
    runtime.spawn(both).unwrap().join().unwrap();
    assert_eq!(*DROPS.lock().unwrap(), ["second", "first", "second"]);
    end(runtime);
}

#[test]
fn a_measured_stack_says_how_much_was_used() {
    #[inline(never)]
    fn use_stack(depth: usize) -> usize {
        let page = std::hint::black_box([depth as u8; 4096]);
        if depth == 0 { page[0].into() } else { use_stack(depth - 1) + usize::from(page[4095] != depth as u8) }
    }
    let runtime = runtime(1);
    for (depth, least) in [(0, 1), (10, 40 << 10), (40, 160 << 10)] {
        let handle = runtime.builder().measure_stack().stack_size(512 << 10).spawn(move || use_stack(depth));
        let mut handle = handle.unwrap();
        assert_eq!(handle.join_mut().unwrap(), 0);
        let used = handle.stack_high_water_bytes().unwrap();
        assert!((least..512 << 10).contains(&used), "{used} bytes at depth {depth}");
    }
    let plain = runtime.spawn(|| ()).unwrap();
    assert_eq!(plain.stack_high_water_bytes(), None);
    end(runtime);
}

#[test]
fn a_handle_is_a_future_that_wakes_its_latest_waker() {
    #[derive(Default)]
    struct Wakes(AtomicUsize);
    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let runtime = runtime(1);
    let (tx, rx) = bounded::<u8>(1);
    let mut handle = pin!(runtime.spawn(move || rx.recv().unwrap()).unwrap());
    let wakes: [Arc<Wakes>; 2] = Default::default();
    for waker in wakes.iter().map(|wakes| Waker::from(wakes.clone())) {
        assert!(handle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    tx.send(3).unwrap();
    while wakes[1].0.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    let polled = handle.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(3))));
    assert_eq!((wakes[0].0.load(Ordering::SeqCst), wakes[1].0.load(Ordering::SeqCst)), (0, 1));
    let many: Vec<_> = (0..100).map(|n| runtime.spawn(move || n).unwrap()).collect();
    let sum = block_on(async {
        let mut sum = 0;
        for handle in many {
            sum += handle.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, Ok(4950));
    end(runtime);
}

#[test]
fn a_closure_that_panics_drops_what_it_captured_once() {
    let runtime = runtime(2);
    let drops = Drops::new();
    let values: [Counted; 4] = std::array::from_fn(|_| drops.value());
    let handle = runtime.spawn(move || {
        let _in_order = OnDrop(|| ());
        let _values = &values;
        std::panic::resume_unwind(Box::new(7));
    });
    let joined: Result<(), JoinError> = handle.unwrap().join();
    let payload = joined.unwrap_err().into_panic().unwrap();
    assert_eq!((payload.into_payload().downcast_ref::<i32>(), drops.count()), (Some(&7), 4));
    let parks = runtime.stats().parks;
    let near = runtime.builder().worker(1).spawn(|| Builder::new().near().spawn(|| 5).unwrap().join().unwrap());
    assert_eq!(near.unwrap().join().unwrap(), 5);
    until_parks(&runtime, parks + 1);
    until(|| runtime.stats().spawned == runtime.stats().ended);
    end(runtime);
}
