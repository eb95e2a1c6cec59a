// SPDX-License-Identifier: BSD-3-Clause
//! Selects that face each other: each sends where others receive and receives where they send, at once. Everything sent is
//! received once or comes back, and somebody always gets on.
//!
//! The simulator plays it at every suspension; in a build with `--cfg kcoro_interleave` also at every atomic operation of a
//! meeting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kcoro_posix::channel::{Receiver, RecvError, SendError, Sender, bounded, rendezvous};
use kcoro_posix::sched::{Builder, JoinHandle, yield_now};
use kcoro_posix::select::Select;
use kcoro_posix::wait::WaitError;
use kcoro_posix::{select, select_biased};
use kcoro_sim::{Sim, Strategy};
use kcoro_tests::random::Random;
use kcoro_tests::seeds::{asked, share};
use kcoro_tests::{LONG, end, runtime};

/// What checkers that make everything slower play is less by this.
const LESS: u64 = if cfg!(any(kcoro_tsan, kcoro_asan)) { 20 } else { 1 };

/// What became of each value: received, or back with its sender.
struct Ledger {
    ends: Vec<AtomicU8>,
    received: AtomicU64,
    returned: AtomicU64,
}

impl Ledger {
    fn new(values: u64) -> Arc<Ledger> {
        let ends = (0..values).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Ledger { ends, received: AtomicU64::new(0), returned: AtomicU64::new(0) })
    }

    fn note(&self, value: u64, count: &AtomicU64) {
        assert_eq!(self.ends[value as usize].fetch_add(1, Ordering::SeqCst), 0, "value {value} was in two places");
        count.fetch_add(1, Ordering::SeqCst);
    }

    fn received(&self, value: u64) {
        self.note(value, &self.received);
    }

    fn returned(&self, value: u64) {
        self.note(value, &self.returned);
    }

    fn total(&self) -> u64 {
        self.received.load(Ordering::SeqCst) + self.returned.load(Ordering::SeqCst)
    }
}

/// One of two sides that face each other.
#[derive(Clone)]
struct Side {
    to: Sender<u64>,
    from: Receiver<u64>,
    ledger: Arc<Ledger>,
}

/// What comes of a select of one side.
enum Round {
    Sent,
    Received(u64),
    Closed,
    Cancelled,
    Late,
}

fn of_sent(sent: Result<(), SendError<u64>>, value: u64) -> Round {
    match sent {
        Ok(()) => Round::Sent,
        Err(why) => {
            let cancelled = matches!(why, SendError::Cancelled(_));
            assert_eq!(why.into_inner(), value, "another value came back");
            if cancelled { Round::Cancelled } else { Round::Closed }
        }
    }
}

fn of_received(received: Result<u64, RecvError>) -> Round {
    match received {
        Ok(value) => Round::Received(value),
        Err(RecvError::Cancelled) => Round::Cancelled,
        Err(_) => Round::Closed,
    }
}

impl Side {
    /// Two that face each other.
    fn two(ledger: &Arc<Ledger>, capacity: usize) -> [Side; 2] {
        let (there, here) = (bounded(capacity), bounded(capacity));
        let side = |to: &Sender<u64>, from: &Receiver<u64>| Side {
            to: to.clone(),
            from: from.clone(),
            ledger: ledger.clone(),
        };
        [side(&there.0, &here.1), side(&here.0, &there.1)]
    }

    /// Meets the other side, however long that takes.
    fn meet(&self, value: u64, form: u64) -> Round {
        match form % 3 {
            0 => select! {
                send(self.to, value) -> sent => of_sent(sent, value),
                recv(self.from) -> received => of_received(received),
            },
            1 => select_biased! {
                send(self.to, value) -> sent => of_sent(sent, value),
                recv(self.from) -> received => of_received(received),
            },
            _ => select_biased! {
                recv(self.from) -> received => of_received(received),
                send(self.to, value) -> sent => of_sent(sent, value),
            },
        }
    }

    /// Meets the other side soon, or not.
    fn try_meet(&self, value: u64, form: u64, limit: Duration) -> Round {
        match form % 3 {
            0 => select! {
                recv(self.from) -> received => of_received(received),
                send(self.to, value) -> sent => of_sent(sent, value),
                default(limit) => Round::Late,
            },
            1 => select_biased! {
                after(limit) => Round::Late,
                recv(self.from) -> received => of_received(received),
                send(self.to, value) -> sent => of_sent(sent, value),
            },
            _ => select! {
                send(self.to, value) -> sent => of_sent(sent, value),
                recv(self.from) -> received => of_received(received),
                cancelled() => Round::Cancelled,
                default => Round::Late,
            },
        }
    }

    /// A set whose arm for receiving stays, over all rounds of a player.
    fn set(&self) -> Select<'_, Round> {
        let mut set = Select::new();
        set.recv(&self.from, of_received);
        set
    }

    /// As [`Side::meet`], or within `limit`, by a set of its own.
    fn meet_by<'s>(&'s self, set: &mut Select<'s, Round>, value: u64, limit: Option<Duration>) -> Round {
        let sends = set.send(&self.to, value, move |sent| of_sent(sent, value));
        let ended = match limit {
            None => set.wait().map(Some),
            Some(limit) if limit.is_zero() => Ok(set.try_select()),
            Some(limit) => set.wait_timeout(limit),
        };
        let round = match ended {
            Ok(Some((_, round))) => round,
            Ok(None) => Round::Late,
            Err(WaitError::Cancelled) => Round::Cancelled,
            Err(why) => panic!("{why}"),
        };
        let back = set.remove(sends).is_some();
        assert!(back || matches!(round, Round::Sent | Round::Closed), "its arm for sending has gone");
        round
    }

    /// Settles `value`, which was to be sent; says whether to go on.
    fn settle(&self, value: u64, round: Round) -> bool {
        match round {
            Round::Sent => return true,
            Round::Received(other) => self.ledger.received(other),
            _ => {}
        }
        self.ledger.returned(value);
        matches!(round, Round::Received(_) | Round::Late)
    }
}

/// As many selects on each side as on the other, which all have to meet: none is left over, whoever met whom.
fn all_meet(ledger: &Arc<Ledger>, players: u64, rounds: u64) {
    let sides = Side::two(ledger, 0);
    let play = |player: u64| {
        let side = sides[player as usize % 2].clone();
        Builder::new()
            .spawn(move || {
                let mut set = side.set();
                for value in player * rounds..(player + 1) * rounds {
                    // Also between the rounds of a set, which is idle then.
                    let round =
                        if value % 5 < 3 { side.meet_by(&mut set, value, None) } else { side.meet(value, value) };
                    assert!(side.settle(value, round));
                }
            })
            .unwrap()
    };
    let players: Vec<JoinHandle<()>> = (0..players * 2).map(play).collect();
    players.into_iter().for_each(|player| player.join().unwrap());
}

/// Runs `body` in a runtime while somebody looks whether it gets on.
fn getting_on(workers: usize, ledger: &Arc<Ledger>, body: impl FnOnce() + Send + 'static) {
    // Much more than a slice of a machine with other things to do: who waits for a decision gives its slice away.
    const SOON: Duration = Duration::from_secs(1);
    let runtime = runtime(workers);
    let mut body = runtime.spawn(body).unwrap();
    let mut total = 0;
    while body.join_timeout(SOON).is_err() {
        let before = std::mem::replace(&mut total, ledger.total());
        assert_ne!(before, total, "nobody got on for {SOON:?}");
        assert!(!body.is_finished(), "it has failed");
    }
    end(runtime);
}

fn all_meet_on(workers: usize, players: u64, rounds: u64) {
    let values = players * 2 * rounds;
    let ledger = Ledger::new(values);
    let shared = ledger.clone();
    getting_on(workers, &ledger, move || all_meet(&shared, players, rounds));
    // In each meeting one value is sent and received, and one is not.
    assert_eq!(ledger.received.load(Ordering::SeqCst), values / 2);
    assert_eq!(ledger.returned.load(Ordering::SeqCst), values / 2);
}

#[test]
fn selects_that_face_each_other_all_meet_on_one_worker() {
    all_meet_on(1, 4, 20_000 / LESS);
}

#[test]
fn selects_that_face_each_other_all_meet_on_eight_workers() {
    all_meet_on(8, 8, 5_000 / LESS);
}

/// Selects that face each other while some give up, some are cancelled, and at last everything closes.
fn chaos(ledger: &Arc<Ledger>, capacity: usize, players: u64, rounds: u64, seed: u64) {
    let sides = Side::two(ledger, capacity);
    let mut random = Random::new(seed);
    let play = |player: u64| {
        let side = sides[player as usize % 2].clone();
        let mut random = Random::new(seed + player);
        Builder::new()
            .spawn(move || {
                let mut set = side.set();
                let mut values = player * rounds..(player + 1) * rounds;
                for value in values.by_ref() {
                    let form = random.below(15);
                    let round = match form {
                        12 => side.meet_by(&mut set, value, None),
                        13 => side.meet_by(&mut set, value, Some(Duration::from_nanos(random.below(20_000)))),
                        14 => side.meet_by(&mut set, value, Some(Duration::ZERO)),
                        0..6 => side.try_meet(value, form, Duration::from_nanos(random.below(20_000))),
                        _ => side.meet(value, form),
                    };
                    if !side.settle(value, round) {
                        break;
                    }
                    if form == 0 {
                        yield_now();
                    }
                }
                values.for_each(|value| side.ledger.returned(value));
            })
            .unwrap()
    };
    let handles: Vec<JoinHandle<()>> = (0..players * 2).map(play).collect();
    (0..random.below(50)).for_each(|_| yield_now());
    handles[random.below(players * 2) as usize].cancel();
    (0..random.below(200)).for_each(|_| yield_now());
    sides[0].to.close();
    (0..random.below(20)).for_each(|_| yield_now());
    sides[1].to.close();
    handles.into_iter().for_each(|handle| {
        if let Err(why) = handle.join() {
            // Cancelled before its first run: its values never were.
            assert!(why.into_panic().is_none());
        }
    });
    for side in &sides {
        side.from.try_iter().for_each(|value| ledger.received(value));
    }
}

fn chaos_on(workers: usize, players: u64, rounds: u64) {
    for (nth, capacity) in [0, 1, 0, 2].into_iter().enumerate() {
        let ledger = Ledger::new(players * 2 * rounds);
        let shared = ledger.clone();
        getting_on(workers, &ledger, move || chaos(&shared, capacity, players, rounds, nth as u64 * 100));
        assert_accounted(&ledger, rounds);
    }
}

/// Each value has one end, but for those of a player that was cancelled before it began.
fn assert_accounted(ledger: &Ledger, rounds: u64) {
    let missing = ledger.ends.len() as u64 - ledger.total();
    assert!(missing == 0 || missing == rounds, "{missing} values are nowhere");
}

#[test]
fn under_timeouts_cancels_and_closes_each_value_is_in_one_place_on_one_worker() {
    chaos_on(1, 3, 2_000 / LESS);
}

#[test]
fn under_timeouts_cancels_and_closes_each_value_is_in_one_place_on_eight_workers() {
    chaos_on(8, 6, 2_000 / LESS);
}

/// Plays `body` under many seeds, on two and three workers.
fn simulated(body: impl Fn(u64) + Clone + Send + Sync + 'static) {
    const STRATEGIES: [Strategy; 2] = [Strategy::Random, Strategy::Pct { depth: 3 }];
    let seeds = asked(1_000);
    for (nth, strategy) in STRATEGIES.into_iter().enumerate() {
        for seed in share(&seeds, nth, STRATEGIES.len()) {
            let body = body.clone();
            let sim = Sim::new().workers(2 + seed as usize % 2).strategy(strategy);
            let start = Instant::now();
            sim.run(seed, move || body(seed)).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
            assert!(start.elapsed() < Duration::from_secs(1), "seed {seed}: a second for a dozen meetings");
        }
    }
}

#[test]
fn simulated_selects_that_face_each_other_all_meet() {
    simulated(|_| {
        let ledger = Ledger::new(12);
        all_meet(&ledger, 2, 3);
        assert_eq!(ledger.total(), 12);
    });
}

#[test]
fn simulated_selects_account_for_each_value() {
    simulated(|seed| {
        let ledger = Ledger::new(12);
        chaos(&ledger, seed as usize % 2, 2, 3, seed);
        assert_accounted(&ledger, 3);
    });
}

/// Three selects in a ring: each sends to the next and receives from the one before.
fn ring() {
    let (first, second, third) = (rendezvous(), rendezvous(), rendezvous());
    let play = |own: &Receiver<u64>, next: &Sender<u64>, value| {
        let (own, next) = (own.clone(), next.clone());
        let body = move || {
            select! {
                recv(own) -> received => received.is_ok(),
                send(next, value) -> sent => sent.is_ok(),
                after(LONG) => false,
            }
        };
        Builder::new().spawn(body).unwrap()
    };
    let all = [play(&first.1, &second.0, 1), play(&second.1, &third.0, 2), play(&third.1, &first.0, 3)];
    let met = all.map(|player| player.join().unwrap()).into_iter().filter(|met| *met).count();
    // Two meet; the third is left over, until its time is up.
    assert_eq!(met, 2);
}

#[test]
fn simulated_selects_in_a_ring_meet_in_twos() {
    simulated(|_| ring());
}

/// Two sets that face each other and nothing else, each with arms for both ways that stay from round to round.
fn two_sets(ledger: &Arc<Ledger>, rounds: u64) {
    let sides = Side::two(ledger, 0);
    let play = |player: u64| {
        let side = sides[player as usize].clone();
        let body = move || {
            let mut set = side.set();
            for value in player * rounds..(player + 1) * rounds {
                let round = side.meet_by(&mut set, value, None);
                assert!(side.settle(value, round));
            }
        };
        Builder::new().spawn(body).unwrap()
    };
    [play(0), play(1)].into_iter().for_each(|player| player.join().unwrap());
}

#[test]
fn simulated_sets_that_face_each_other_always_get_on() {
    simulated(|_| {
        let ledger = Ledger::new(8);
        two_sets(&ledger, 4);
        assert_eq!(ledger.total(), 8);
    });
}
