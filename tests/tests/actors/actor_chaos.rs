// SPDX-License-Identifier: BSD-3-Clause
//! Actors that are told, asked, stopped, drained, cancelled, made to fail and made to panic by everybody at once: each
//! stops once, no ask hangs, and each message told is handled or undelivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kcoro_posix::actor::{Actor, Address, AskError, Builder, Context, Reply, StopReason, Supervisor};
use kcoro_posix::channel::{self, Overflow};
use kcoro_posix::sched::{Handle, yield_now};
use kcoro_tests::random::Random;
use kcoro_tests::{LONG, end, runtime};

use crate::quiet_panic;

const ROUNDS: u64 = 300;
const TELLERS: u64 = 4;
const TELLS: u64 = 20;

#[derive(Default)]
struct Ledger {
    told: AtomicU64,
    handled: AtomicU64,
    undelivered: AtomicU64,
    asked: AtomicU64,
    answered: AtomicU64,
    refused: AtomicU64,
    starts: AtomicU64,
    stops: AtomicU64,
}

impl Ledger {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::SeqCst);
    }

    fn read<const N: usize>(counters: [&AtomicU64; N]) -> [u64; N] {
        counters.map(|counter| counter.load(Ordering::SeqCst))
    }
}

enum Order {
    Count,
    Answer(Reply<u64>),
    Forget(Reply<u64>),
    Fail,
    Panic,
}

struct Soldier {
    ledger: Arc<Ledger>,
    count: u64,
}

impl Actor for Soldier {
    type Message = Order;
    type Error = &'static str;

    fn on_start(&mut self, _: &Context<Order>) -> Result<(), Self::Error> {
        Ledger::add(&self.ledger.starts);
        Ok(())
    }

    fn handle(&mut self, order: Order, _: &Context<Order>) -> Result<(), Self::Error> {
        Ledger::add(&self.ledger.handled);
        self.count += 1;
        match order {
            Order::Count => {}
            Order::Answer(reply) => _ = reply.send(self.count),
            Order::Forget(reply) => drop(reply),
            Order::Fail => return Err("ordered to"),
            Order::Panic => quiet_panic(),
        }
        Ok(())
    }

    fn on_stop(&mut self, _: &StopReason<Self::Error>) {
        Ledger::add(&self.ledger.stops);
    }
}

fn tell(ledger: &Ledger, soldier: &Address<Order>, random: &mut Random) {
    let order = match random.below(12) {
        0 => Order::Fail,
        1 => Order::Panic,
        _ => Order::Count,
    };
    let told = match random.below(2) {
        0 => soldier.tell(order).is_ok(),
        _ => soldier.try_tell(order).is_ok(),
    };
    if told {
        Ledger::add(&ledger.told);
    }
}

fn ask(ledger: &Ledger, soldier: &Address<Order>, random: &mut Random) {
    Ledger::add(&ledger.asked);
    let answer = match random.below(3) {
        0 => soldier.ask(Order::Answer),
        1 => soldier.ask(Order::Forget),
        _ => soldier.ask_timeout(Order::Answer, std::time::Duration::from_micros(random.below(50))),
    };
    match answer {
        Ok(_) => Ledger::add(&ledger.answered),
        Err(why) => {
            Ledger::add(&ledger.refused);
            assert!(!matches!(why, AskError::Cancelled | AskError::CannotWait(_)), "{why}");
            if why.into_message().is_some() {
                return;
            }
        }
    }
    Ledger::add(&ledger.told);
}

/// Starts coroutines that talk to the soldier, and calls `end` while they do.
fn battle(handle: &Handle, seed: u64, ledger: &Arc<Ledger>, soldier: &Address<Order>, end: impl FnOnce()) {
    let tellers = (0..TELLERS).map(|teller| {
        let (ledger, soldier) = (ledger.clone(), soldier.clone());
        let mut random = Random::new(seed * TELLERS + teller);
        let talks = move || {
            for _ in 0..TELLS {
                if random.below(3) == 0 {
                    ask(&ledger, &soldier, &mut random);
                } else {
                    tell(&ledger, &soldier, &mut random);
                }
                (0..random.below(3)).for_each(|_| yield_now());
            }
        };
        handle.spawn(talks).unwrap()
    });
    let tellers: Vec<_> = tellers.collect();
    let mut random = Random::new(seed);
    (0..random.below(200)).for_each(|_| std::thread::yield_now());
    end();
    tellers.into_iter().for_each(|mut teller| teller.join_timeout(LONG).expect("no ask and no tell hangs"));
}

fn audit(ledger: &Ledger) {
    let [told, handled, undelivered] = Ledger::read([&ledger.told, &ledger.handled, &ledger.undelivered]);
    assert_eq!(told, handled + undelivered);
    let [asked, answered, refused] = Ledger::read([&ledger.asked, &ledger.answered, &ledger.refused]);
    assert_eq!(asked, answered + refused);
    let [starts, stops] = Ledger::read([&ledger.starts, &ledger.stops]);
    assert_eq!(starts, stops);
}

fn soldier_builder(ledger: &Arc<Ledger>, seed: u64) -> Builder<Order> {
    let ledger = ledger.clone();
    let mailbox = match seed % 5 {
        0 => channel::Builder::rendezvous(),
        1 => channel::Builder::bounded(1),
        2 => channel::Builder::bounded(2).overflow(Overflow::DropOldest),
        3 => channel::Builder::unbounded(),
        _ => channel::Builder::bounded(16),
    };
    Builder::new().mailbox(mailbox.on_undelivered(move |_, _| Ledger::add(&ledger.undelivered)).build())
}

#[test]
fn a_lone_actor_stops_once_and_no_message_is_lost_whatever_ends_it() {
    let runtime = runtime(3);
    let mut starts = 0;
    for seed in 0..ROUNDS {
        let ledger = Arc::new(Ledger::default());
        let soldier = Soldier { ledger: ledger.clone(), count: 0 };
        let (soldier, handle) = soldier_builder(&ledger, seed).spawn_on(&runtime, soldier).unwrap();
        battle(&runtime, seed, &ledger, &soldier, || match seed % 4 {
            0 => soldier.stop(),
            1 => soldier.drain(),
            2 => handle.cancel(),
            _ => {}
        });
        drop(soldier);
        let _ = handle.join();
        audit(&ledger);
        starts += ledger.starts.load(Ordering::SeqCst);
    }
    assert!(starts > ROUNDS / 2, "most of them lived");
    end(runtime);
}

#[test]
fn a_supervised_actor_stops_as_often_as_it_starts_and_no_message_is_lost() {
    let runtime = runtime(3);
    for seed in 0..ROUNDS {
        let ledger = Arc::new(Ledger::default());
        let tree = if seed.is_multiple_of(2) { Supervisor::one_for_one() } else { Supervisor::all_for_one() };
        let mut tree = tree.restarts(if seed.is_multiple_of(5) { 2 } else { 1000 }, LONG);
        let newcomer = |ledger: &Arc<Ledger>| {
            let ledger = ledger.clone();
            move || Soldier { ledger: ledger.clone(), count: 0 }
        };
        let soldier = soldier_builder(&ledger, seed).under(&mut tree, newcomer(&ledger));
        let _other = soldier_builder(&ledger, seed).under(&mut tree, newcomer(&ledger));
        let tree = tree.spawn_on(&runtime).unwrap();
        battle(&runtime, seed, &ledger, &soldier, || match seed % 4 {
            0 => tree.stop(),
            1 => tree.drain(),
            2 => tree.cancel(),
            _ => soldier.stop(),
        });
        tree.stop();
        let _ = tree.join();
        audit(&ledger);
    }
    end(runtime);
}
