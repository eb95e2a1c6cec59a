// SPDX-License-Identifier: BSD-3-Clause
//! What counts if several things are so at once. At entry a cancel beats a close, and both beat a limit that is over. But an
//! operation that has won its claim completes, and the cancel is seen by the next.

use alloc::rc::Rc;
use core::time::Duration;

use kcoro_core::actor::{Actor, AskError, Context, Reply, spawn as spawn_actor};
use kcoro_core::cancel::{CancelToken, Cause, shield};
use kcoro_core::channel::{
    self, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, bounded, rendezvous,
};
use kcoro_core::sched::{JoinError, JoinHandle, TryJoinError};
use kcoro_core::sync::{
    AcquireError, AcquireTimeoutError, Barrier, Condvar, Event, Mutex, OnceCell, RwLock, Semaphore, WaitGroup,
    WaitTimeoutError,
};
use kcoro_core::time::{Instant, TimeError, sleep, sleep_until};
use kcoro_core::wait::WaitError;
use kcoro_core::{select, select_biased};

use crate::Stage;
use crate::tools::{LONG, parked, until};
use crate::worker::{Do, Log, Worker};

const ZERO: Duration = Duration::ZERO;
const CANCELLED: Result<(), WaitError> = Err(WaitError::Cancelled);
const TIMED_OUT: Result<(), WaitTimeoutError> = Err(WaitTimeoutError::TimedOut);

/// What `body` comes to in a region whose token was cancelled before.
fn cancelled<T>(body: impl FnOnce() -> T) -> T {
    let token = CancelToken::new();
    token.cancel();
    token.run(body)
}

/// A deadline that is over.
fn past() -> Instant {
    Instant::now().unwrap()
}

pub(crate) fn at_a_channel_cancelled_beats_closed_beats_timed_out(_: &Stage) {
    let past = past();
    let all = |capacity| {
        let (tx, _rx) = bounded::<u8>(capacity);
        (0..capacity).for_each(|_| tx.try_send(9).unwrap());
        let (open, empty) = (bounded::<u8>(1), bounded::<u8>(1));
        tx.close();
        empty.0.close();
        let sends = (tx.send(1), tx.send_timeout(2, ZERO), tx.send_deadline(3, past));
        let receives = (empty.1.recv(), empty.1.recv_timeout(ZERO), empty.1.recv_deadline(past));
        (sends, receives, open.1.recv_timeout(ZERO))
    };
    for capacity in [0, 1] {
        assert_eq!(
            cancelled(|| all(capacity)),
            (
                (
                    Err(SendError::Cancelled(1)),
                    Err(SendTimeoutError::Cancelled(2)),
                    Err(SendTimeoutError::Cancelled(3))
                ),
                (Err(RecvError::Cancelled), Err(RecvTimeoutError::Cancelled), Err(RecvTimeoutError::Cancelled)),
                Err(RecvTimeoutError::Cancelled),
            ),
        );
        assert_eq!(
            all(capacity),
            (
                (Err(SendError::Closed(1)), Err(SendTimeoutError::Closed(2)), Err(SendTimeoutError::Closed(3))),
                (Err(RecvError::Closed), Err(RecvTimeoutError::Closed), Err(RecvTimeoutError::Closed)),
                Err(RecvTimeoutError::TimedOut),
            ),
        );
    }
}

pub(crate) fn a_cancel_beats_what_is_over_at_once(_: &Stage) {
    let (token, past) = (CancelToken::new(), past());
    token.cancel();
    let mut other = parked(|| sleep(LONG));
    token.run(|| {
        assert_eq!((sleep(ZERO), sleep_until(past)), (Err(TimeError::Cancelled), Err(TimeError::Cancelled)));
        let joined = other.join_mut().unwrap_err();
        assert!(matches!(joined, JoinError::Wait(WaitError::Cancelled)));
        assert_eq!(token.cancelled(), Ok(Cause::Cancelled), "but who asks for the cancel is told of it");
    });
    other.cancel();
    until(|| other.is_finished());
    // Also what is ready: as an arm of a select, see below. Who takes it without waiting is told of no cancel.
    let was_cancelled = |why| matches!(why, JoinError::Wait(WaitError::Cancelled));
    assert!(was_cancelled(cancelled(|| other.join_mut()).unwrap_err()));
    let TryJoinError::Failed(why) = cancelled(|| other.join_timeout(LONG)).unwrap_err() else {
        unreachable!("it ended")
    };
    assert!(was_cancelled(why));
    assert_eq!(cancelled(|| other.try_join()).unwrap(), Err(TimeError::Cancelled));
    let mut shielded = parked(|| 5);
    until(|| shielded.is_finished());
    assert_eq!(cancelled(|| shield(|| shielded.join_mut())).unwrap(), 5);
}

pub(crate) fn at_a_lock_a_cancel_beats_what_is_free_and_that_beats_a_limit(_: &Stage) {
    let (past, mutex, lock) = (past(), Mutex::new(()), RwLock::new(()));
    let cancellable =
        || [mutex.lock_cancellable().map(drop), lock.read_cancellable().map(drop), lock.write_cancellable().map(drop)];
    // None of these is a cancellation point.
    let limited = || {
        [
            mutex.lock_timeout(ZERO).map(drop),
            mutex.lock_deadline(past).map(drop),
            lock.read_timeout(ZERO).map(drop),
            lock.write_deadline(past).map(drop),
        ]
    };
    assert_eq!((cancellable(), cancelled(cancellable)), ([Ok(()); 3], [CANCELLED; 3]));
    assert_eq!((limited(), cancelled(limited)), ([Ok(()); 4], [Ok(()); 4]));
    let held = (mutex.lock().unwrap(), lock.write().unwrap());
    assert_eq!((limited(), cancelled(limited)), ([TIMED_OUT; 4], [TIMED_OUT; 4]));
    assert_eq!(cancelled(cancellable), [CANCELLED; 3]);
    drop(held);
    assert_eq!(limited(), [Ok(()); 4], "those who gave up hold nothing");
}

pub(crate) fn at_a_signal_a_cancel_beats_what_is_set_and_that_beats_a_limit(_: &Stage) {
    let (past, event, group, cell) = (past(), Event::new(), WaitGroup::new(), OnceCell::<u8>::new());
    let cancellable = || [event.wait_cancellable(), group.wait_cancellable(), cell.wait_cancellable().map(|_| ())];
    let limited = || {
        [
            event.wait_timeout(ZERO),
            event.wait_deadline(past),
            group.wait_timeout(ZERO),
            group.wait_deadline(past),
            cell.wait_timeout(ZERO).map(|_| ()),
            cell.wait_deadline(past).map(|_| ()),
        ]
    };
    let task = group.task();
    assert_eq!((limited(), cancelled(limited)), ([TIMED_OUT; 6], [TIMED_OUT; 6]));
    assert_eq!(cancelled(cancellable), [CANCELLED; 3]);
    drop(task);
    assert!(event.set() && cell.set(1).is_ok());
    assert_eq!((limited(), cancelled(limited)), ([Ok(()); 6], [Ok(()); 6]));
    assert_eq!((cancellable(), cancelled(cancellable)), ([Ok(()); 3], [CANCELLED; 3]));
    // Who is cancelled has not come, and who is late has not either.
    let barrier = Barrier::new(2);
    assert_eq!(cancelled(|| barrier.wait_cancellable().map(drop)), CANCELLED);
    assert_eq!([barrier.wait_timeout(ZERO).map(drop), barrier.wait_deadline(past).map(drop)], [TIMED_OUT; 2]);
    // Nobody is told while they wait, so the limit ends it; and the lock is had again.
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    let unnotified = changed.wait_timeout(mutex.lock().unwrap(), ZERO).unwrap_err();
    assert!(unnotified.why == WaitTimeoutError::TimedOut && mutex.is_locked());
    drop(unnotified);
    let unnotified = cancelled(|| changed.wait_cancellable(mutex.lock().unwrap()).unwrap_err());
    assert!(unnotified.why == WaitError::Cancelled && mutex.is_locked());
}

pub(crate) fn at_a_semaphore_cancelled_beats_closed_beats_timed_out(_: &Stage) {
    let (past, semaphore) = (past(), Semaphore::new(1));
    let cancellable = || semaphore.acquire_cancellable(1).map(drop);
    // Neither is a cancellation point.
    let limited = || [semaphore.acquire_timeout(1, ZERO).map(drop), semaphore.acquire_deadline(1, past).map(drop)];
    assert_eq!((cancelled(cancellable), cancelled(limited)), (Err(AcquireError::Cancelled), [Ok(()); 2]));
    let taken = semaphore.try_acquire(1).unwrap();
    let timed_out = Err(AcquireTimeoutError::TimedOut);
    assert_eq!((cancelled(cancellable), cancelled(limited)), (Err(AcquireError::Cancelled), [timed_out; 2]));
    semaphore.close();
    let closed = Err(AcquireTimeoutError::Closed);
    assert_eq!((cancellable(), limited()), (Err(AcquireError::Closed), [closed; 2]));
    drop(taken);
    assert_eq!((cancellable(), limited()), (Err(AcquireError::Closed), [closed; 2]), "though a permit is free");
    assert_eq!((cancelled(cancellable), cancelled(limited)), (Err(AcquireError::Cancelled), [closed; 2]));
}

pub(crate) fn in_a_select_cancelled_beats_closed_beats_timed_out(_: &Stage) {
    let ((ready_tx, ready), (closed_tx, closed), (_open_tx, open)) = (bounded(1), bounded(1), rendezvous());
    ready_tx.send(7).unwrap();
    closed_tx.close();
    let receives = || {
        select_biased! {
            recv(open) -> value => value,
            recv(ready) -> value => value,
            recv(closed) -> value => value,
            after(ZERO) => unreachable!("another is ready"),
        }
    };
    assert_eq!((cancelled(receives), ready.len()), (Err(RecvError::Cancelled), 1), "no arm is carried out");
    assert_eq!((receives(), receives()), (Ok(7), Err(RecvError::Closed)));
    assert_eq!(cancelled(receives), Err(RecvError::Cancelled));
    // Whatever stands first, and however the arm is drawn.
    let sends = || {
        select! {
            after(ZERO) => unreachable!("the other is ready"),
            send(closed_tx, 3) -> sent => sent,
            default(ZERO) => unreachable!("one is ready"),
        }
    };
    assert_eq!((sends(), cancelled(sends)), (Err(SendError::Closed(3)), Err(SendError::Cancelled(3))));
    let late = || {
        select! {
            recv(open) -> value => value.map(|_: u8| "a value"),
            default(ZERO) => Ok("late"),
        }
    };
    assert_eq!((late(), cancelled(late)), (Ok("late"), Err(RecvError::Cancelled)));
    // Who asks for the cancel is told before all that is ready; who does not wait is told of no cancel.
    let asks = || {
        select! {
            recv(closed) -> value => value.is_err(),
            cancelled() => false,
        }
    };
    let looks = || {
        select! {
            recv(closed) -> value => value,
            default => Ok(0),
        }
    };
    assert_eq!((asks(), cancelled(asks), cancelled(looks)), (true, false, Err(RecvError::Closed)));
    let mut ended = parked(|| 5);
    until(|| ended.is_finished());
    let joined = cancelled(|| select! { join(ended) -> output => output });
    assert!(matches!(joined, Err(JoinError::Wait(WaitError::Cancelled))));
    assert_eq!(ended.join().unwrap(), 5);
}

pub(crate) fn of_an_ask_cancelled_beats_ended_beats_timed_out(_: &Stage) {
    type Asked = Result<u32, AskError<Do>>;
    let (past, log) = (past(), Log::default());
    let (worker, handle) = log.builder(channel::Builder::bounded(1)).spawn(Worker::new(&log)).unwrap();
    let limited = || [worker.ask_timeout(Do::Answer, ZERO), worker.ask_deadline(Do::Answer, past)];
    let all_cancelled = || {
        let was_cancelled =
            |asked: Asked| matches!(asked, Err(AskError::NotTold(SendTimeoutError::Cancelled(Do::Answer(_)))));
        let [timeout, deadline] = limited();
        [worker.ask(Do::Answer), timeout, deadline].into_iter().all(was_cancelled)
    };
    // Busy, and its mailbox full.
    let (go, wait) = rendezvous();
    assert!(worker.tell(Do::Wait(wait)).is_ok());
    until(|| log.handled() == 1);
    assert!(worker.try_tell(Do::Count).is_ok());
    let timed_out = |asked: Asked| matches!(asked, Err(AskError::NotTold(SendTimeoutError::TimedOut(_))));
    assert!(limited().into_iter().all(timed_out) && cancelled(all_cancelled));
    worker.stop();
    let ended = |asked: Asked| matches!(asked, Err(AskError::NotTold(SendTimeoutError::Closed(_))));
    assert!(limited().into_iter().all(ended) && cancelled(all_cancelled));
    drop(go);
    handle.join().unwrap();
    assert!(limited().into_iter().all(ended) && cancelled(all_cancelled));
    assert_eq!((log.handled(), log.undelivered()), (1, 1), "no ask was told");
}

/// `waits` twice is parked, then served once, and cancelled before it runs.
#[track_caller]
fn served_then_cancelled<T: 'static>(waits: impl Fn() -> T + 'static, serve: impl FnOnce()) -> (T, T) {
    let waiter: JoinHandle<(T, T)> = parked(move || (waits(), waits()));
    // It is on the worker of the caller, who does not suspend meanwhile.
    serve();
    waiter.cancel();
    waiter.join().unwrap()
}

pub(crate) fn what_has_won_completes_and_the_next_sees_the_cancel(_: &Stage) {
    let once = (Ok(()), CANCELLED);
    let (mutex, lock) = (Rc::new(Mutex::new(())), Rc::new(RwLock::new(())));
    let (held, own) = (mutex.lock().unwrap(), mutex.clone());
    assert_eq!(served_then_cancelled(move || own.lock_cancellable().map(drop), || drop(held)), once);
    let (held, own) = (lock.write().unwrap(), lock.clone());
    assert_eq!(served_then_cancelled(move || own.read_cancellable().map(drop), || drop(held)), once);
    let (held, own) = (lock.read().unwrap(), lock.clone());
    assert_eq!(served_then_cancelled(move || own.write_cancellable().map(drop), || drop(held)), once);
    let semaphore = Rc::new(Semaphore::new(0));
    let own = semaphore.clone();
    let acquired = served_then_cancelled(move || own.acquire_cancellable(2).map(drop), || semaphore.release(2));
    assert_eq!((acquired, semaphore.available()), ((Ok(()), Err(AcquireError::Cancelled)), 2));
    let own = semaphore.clone();
    let closed = served_then_cancelled(move || own.acquire_cancellable(3).map(drop), || _ = semaphore.close());
    assert_eq!(closed, (Err(AcquireError::Closed), Err(AcquireError::Cancelled)));
    let event = Rc::new(Event::new());
    let own = event.clone();
    assert_eq!(served_then_cancelled(move || own.wait_cancellable(), || _ = event.set()), once);
    let changed = Rc::new(Condvar::new());
    let (own, guards) = (changed.clone(), mutex.clone());
    let waits = move || own.wait_cancellable(guards.lock().unwrap()).map(drop).map_err(|unnotified| unnotified.why);
    assert_eq!(served_then_cancelled(waits, || assert!(changed.notify_one())), once);
    assert!(mutex.try_lock().is_some() && lock.try_write().is_some(), "nothing is held");
    let ((to, from), (_silent, silence)) = (rendezvous(), rendezvous::<u8>());
    let (receives, hears) = (from.clone(), silence.clone());
    let selects = move || {
        select! {
            recv(hears) -> never => never,
            recv(receives) -> value => value,
        }
    };
    let selected = served_then_cancelled(selects, || to.try_send(1).unwrap());
    assert_eq!(selected, (Ok(1), Err(RecvError::Cancelled)));
    // The first arm that can say so is told of a cancel.
    let sends = move || {
        select! {
            send(to, 2) -> sent => sent,
            recv(silence) -> never => unreachable!("{never:?}"),
        }
    };
    let selected = served_then_cancelled(sends, || assert_eq!(from.try_recv(), Ok(2)));
    assert_eq!(selected, (Ok(()), Err(SendError::Cancelled(2))));
}

/// Hands each reply to somebody else.
struct Forwards(Sender<Reply<u32>>);

impl Actor for Forwards {
    type Message = Reply<u32>;
    type Error = &'static str;

    fn handle(&mut self, reply: Reply<u32>, _: &Context<Reply<u32>>) -> Result<(), Self::Error> {
        self.0.send(reply).map_err(|_| "nobody takes it")
    }
}

pub(crate) fn an_answer_that_has_won_arrives_and_the_next_ask_sees_the_cancel(_: &Stage) {
    let (replies_in, replies) = bounded(1);
    let (forwards, handle) = spawn_actor(Forwards(replies_in)).unwrap();
    let asks = forwards.clone();
    let asker = parked(move || (asks.ask(|reply| reply), asks.ask(|reply| reply)));
    let reply = replies.recv().unwrap();
    assert_eq!(reply.send(5), Ok(()));
    asker.cancel();
    let (first, second) = asker.join().unwrap();
    assert!(matches!(first, Ok(5)) && matches!(second, Err(AskError::NotTold(SendTimeoutError::Cancelled(_)))));
    forwards.stop();
    handle.join().unwrap();
}
