// SPDX-License-Identifier: BSD-3-Clause
//! What the program does. A promise that does not hold panics.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::time::Duration;

use kcoro_core::channel::{RecvError, bounded, rendezvous};
use kcoro_core::platform::ambient::in_interrupt;
use kcoro_core::sched::{CoroutineLocal, JoinError, LocalRuntime, Runtime, spawn, spawn_local, yield_now};
use kcoro_core::scope::scope;
use kcoro_core::time::{Elapsed, Instant, sleep, timeout};
use kcoro_core::wait::CannotWait;

use crate::one_core::{OneCore, STACKS};

static VISITS: CoroutineLocal<Cell<u32>> = CoroutineLocal::new(|| Cell::new(0));

fn runtime() -> LocalRuntime {
    Runtime::builder(OneCore::default()).workers(1).build_local().expect("one worker needs no thread")
}

/// Without std a plain thread cannot wait, and is told so; what need not wait works.
#[cfg(not(feature = "std"))]
pub fn outside_of_a_runtime() {
    use kcoro_core::channel::SendError;
    use kcoro_core::sched::BuildError;
    use kcoro_core::sched::SpawnError;
    use kcoro_core::time::TimeError;
    use kcoro_core::wait::{WaitError, block_on};

    let nowhere = CannotWait::NotInCoroutine;
    let (tx, rx) = bounded::<u8>(1);
    assert_eq!(rx.recv(), Err(RecvError::CannotWait(nowhere)));
    assert_eq!((tx.send(1), tx.send(2)), (Ok(()), Err(SendError::CannotWait(2, nowhere))));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(sleep(Duration::from_nanos(1)), Err(TimeError::CannotWait(nowhere)));
    assert_eq!(Instant::now(), Err(nowhere));
    assert_eq!(block_on(async {}), Err(WaitError::CannotWait(nowhere)));
    assert_eq!(VISITS.with(Cell::get), Err(nowhere));
    assert!(matches!(spawn(|| ()), Err(SpawnError::NoRuntime)));
    // Threads of its own are what this platform does not have.
    let refused = Runtime::builder(OneCore::default()).workers(1).build();
    assert!(matches!(refused, Err(BuildError::Worker { index: 0, .. })));
    // A handle can spawn and can be cancelled from here, but not joined.
    let runtime = runtime();
    let mut handle = runtime.spawn(|| 5).expect("runs later");
    assert!(matches!(handle.join_mut(), Err(JoinError::Wait(WaitError::CannotWait(_)))));
    assert!(matches!(runtime.run(|| handle.join()), Ok(Ok(5))));
}

/// Coroutines on static stacks.
pub fn in_coroutines() {
    let runtime = runtime();
    let not_send = Rc::new(Cell::new(0));
    let total = runtime.run(|| {
        let handles: Vec<_> = (0..100u64).map(|n| spawn(move || (VISITS.with(|v| v.set(1)), n).1).unwrap()).collect();
        let mut total = handles.into_iter().map(|handle| handle.join().unwrap()).sum::<u64>();

        let (tx, rx) = rendezvous();
        let sender = spawn(move || (0..10u64).for_each(|n| tx.send(n).unwrap())).unwrap();
        total += rx.iter().sum::<u64>();
        sender.join().unwrap();

        let inside = not_send.clone();
        spawn_local(move || (yield_now(), inside.set(7)).1).unwrap().join().unwrap();

        let mut numbers = [1, 2, 3];
        scope(|s| numbers.iter_mut().for_each(|n| _ = s.spawn(|| *n *= 10).unwrap()));
        total + numbers.iter().sum::<u64>()
    });
    assert_eq!((total.unwrap(), not_send.get()), (4950 + 45 + 60, 7));
    runtime.run(time_passes).unwrap();
    runtime.run(stacks_run_out).unwrap();
    assert!(runtime.shutdown(Duration::from_secs(1)).is_clean());
}

fn time_passes() {
    let begun = Instant::now().unwrap();
    assert_eq!(begun.clock(), OneCore::CLOCK);
    sleep(Duration::from_secs(3600)).unwrap();
    let (tx, rx) = bounded::<u8>(1);
    let cut_short = timeout(Duration::from_secs(60), || rx.recv());
    assert_eq!(cut_short, Err(Elapsed(Err(RecvError::Cancelled))));
    let passed = Instant::now().unwrap().duration_since(begun).unwrap();
    assert!((3660..3661).contains(&passed.as_secs()));
    // A handler refuses to wait, and hands over what needs no wait.
    in_interrupt(|| {
        assert_eq!(rx.recv(), Err(RecvError::CannotWait(CannotWait::InInterrupt)));
        tx.try_send(1).unwrap();
    });
    assert_eq!(rx.recv(), Ok(1));
}

/// Each parked coroutine holds a stack; who finds none left ends with an error, and the others go on.
fn stacks_run_out() {
    let (tx, rx) = bounded::<()>(0);
    let waiting: Vec<_> = (0..STACKS)
        .map(|_| {
            let rx = rx.clone();
            spawn(move || rx.recv()).unwrap()
        })
        .collect();
    // The clock moves when all others wait. One has found no stack: the root has one, too.
    sleep(Duration::from_nanos(1)).unwrap();
    (1..STACKS).for_each(|_| tx.send(()).unwrap());
    let ended: Vec<_> = waiting.into_iter().map(|handle| handle.join()).collect();
    assert_eq!(ended.iter().filter(|end| matches!(end, Ok(Ok(())))).count(), STACKS - 1);
    assert_eq!(ended.iter().filter(|end| matches!(end, Err(JoinError::NoStack(_)))).count(), 1);
}
