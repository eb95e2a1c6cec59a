// SPDX-License-Identifier: BSD-3-Clause
//! Actors that crash and recover: a till that fails at amounts it cannot read, and a ledger that remembers.
//!
//! The supervisor gives the till a new life after each failure. Its state is gone with the old one, but its mailbox stays,
//! so only the message that it failed at is lost. What must outlive a crash is told to another actor, the ledger.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::actor::{Actor, Address, Builder, Context, Reply, StopReason, Supervisor};
use kcoro_posix::channel;
use kcoro_posix::sched::Runtime;

struct Ledger(u32);

enum Entry {
    Paid(u32),
    Total(Reply<u32>),
}

impl Actor for Ledger {
    type Message = Entry;
    type Error = Infallible;

    fn handle(&mut self, entry: Entry, _: &Context<Entry>) -> Result<(), Infallible> {
        match entry {
            Entry::Paid(amount) => self.0 += amount,
            Entry::Total(reply) => drop(reply.send(self.0)),
        }
        Ok(())
    }
}

struct Till {
    ledger: Address<Entry>,
    taken: u32,
}

enum Sale {
    Amount(&'static str),
    Taken(Reply<u32>),
}

impl Actor for Till {
    type Message = Sale;
    type Error = String;

    fn handle(&mut self, sale: Sale, _: &Context<Sale>) -> Result<(), String> {
        match sale {
            Sale::Amount("drawer") => panic!("the drawer is stuck"),
            Sale::Amount(text) => {
                let amount = text.parse().map_err(|_| format!("`{text}` is no amount"))?;
                self.ledger.tell(Entry::Paid(amount)).map_err(|_| "the ledger is gone")?;
                self.taken += amount;
            }
            Sale::Taken(reply) => drop(reply.send(self.taken)),
        }
        Ok(())
    }

    fn on_stop(&mut self, why: &StopReason<String>) {
        println!("a till that has taken {} ends: {why}", self.taken);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let late = Arc::new(AtomicUsize::new(0));
    let mut shop = Supervisor::one_for_one()
        .name("shop")
        .restarts(3, Duration::from_secs(60))
        .backoff(Duration::from_millis(1), Duration::from_millis(10))
        .on_failure(|failed| println!("`{}` failed ({}), next: {:?}", failed.child, failed.cause, failed.next));
    let ledger = Builder::new().name("ledger").under(&mut shop, || Ledger(0));
    let (counts, entries) = (late.clone(), ledger.clone());
    let sales = channel::Builder::bounded(16).on_undelivered(move |_, _| _ = counts.fetch_add(1, Ordering::Relaxed));
    let till = Builder::new()
        .name("till")
        .mailbox(sales.build())
        .under(&mut shop, move || Till { ledger: entries.clone(), taken: 0 });

    let runtime = Runtime::builder(Posix::new()).build()?;
    for text in ["10", "half a dozen", "20", "drawer", "30"] {
        till.tell(Sale::Amount(text)).map_err(|_| "the till is gone")?;
    }
    let shop = shop.spawn_on(&runtime)?;
    let taken = till.ask_timeout(Sale::Taken, Duration::from_secs(10))?;
    println!("the third till has taken {taken}; the ledger has all {}", ledger.ask(Entry::Total)?);

    // The message after the last one finds the till closed, and comes back.
    shop.stop();
    let why = shop.join()?;
    if till.tell(Sale::Amount("40")).is_err() {
        println!("1 amount came too late, {} were left in the mailbox", late.load(Ordering::Relaxed));
    }
    println!("{why}");
    Ok(())
}
