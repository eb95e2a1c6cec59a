// SPDX-License-Identifier: BSD-3-Clause
//! A wait that nobody can end is reported by the simulator, with what is waited for.

use kcoro_sim::sync::{Barrier, Condvar, Event, Mutex, OnceCell, RwLock, Semaphore, WaitGroup};
use kcoro_sim::{FailureKind, Sim};

/// What the simulator says of a body that waits for ever.
fn report(body: fn()) -> String {
    let failure = Sim::new().run(1, body).unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Deadlock(_)), "{failure}");
    failure.to_string()
}

#[test]
fn a_lock_taken_twice_is_reported() {
    let mutex = report(|| {
        let mutex = Mutex::new(());
        let _held = mutex.lock().unwrap();
        drop(mutex.lock());
    });
    assert!(mutex.contains("lock 0x"), "{mutex}");
    let nested = report(|| {
        let lock = RwLock::new(());
        let _reads = lock.read().unwrap();
        drop(lock.write());
    });
    assert!(nested.contains("lock 0x"), "{nested}");
    let cell = report(|| {
        let cell = OnceCell::new();
        let _ = cell.get_or_init(|| *cell.get_or_init(|| 1).unwrap());
    });
    assert!(cell.contains("lock 0x"), "{cell}");
}

#[test]
fn what_nobody_gives_or_signals_is_reported() {
    let permits = report(|| drop(Semaphore::new(1).acquire(2)));
    assert!(permits.contains("permits of semaphore 0x"), "{permits}");
    for wait in [
        || _ = Event::new().wait(),
        || _ = Barrier::new(2).wait(),
        || {
            let group = WaitGroup::new();
            group.add(1);
            _ = group.wait();
        },
        || {
            let mutex = Mutex::new(());
            drop(Condvar::new().wait(mutex.lock().unwrap()));
        },
    ] {
        let signal = report(wait);
        assert!(signal.contains("a signal of 0x"), "{signal}");
    }
}
