// SPDX-License-Identifier: BSD-3-Clause
//! The same select from a plain thread, a coroutine and an async task.
//!
//! Three waiters at the same desk: each takes an order from one channel, or hears on another that the kitchen closes,
//! whichever comes first. `select!` parks whoever waits, be that a thread or a coroutine; `select_async!` awaits. All three
//! stand in the same queues, so each order goes to one of them, and the one that has waited longest is served first.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use kcoro_posix::Posix;
use kcoro_posix::channel::{Receiver, rendezvous};
use kcoro_posix::sched::Runtime;
use kcoro_posix::wait::block_on;
use kcoro_posix::{select, select_async};

/// How many orders there are at least; more come until each of the three has served one.
const ORDERS: u32 = 300;

/// How many have served an order.
static AT_WORK: AtomicU32 = AtomicU32::new(0);

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder(Posix::new()).build()?;
    let (to_desk, orders) = rendezvous();
    let (kitchen, closing) = rendezvous::<()>();

    let own = (orders.clone(), closing.clone());
    let on_a_thread = thread::spawn(move || serve(&own.0, &own.1));
    let own = (orders.clone(), closing.clone());
    let in_a_coroutine = runtime.spawn(move || serve(&own.0, &own.1))?;
    let as_a_task = runtime.spawn(move || block_on(serve_async(orders, closing)))?;

    let mut order = 0;
    while order < ORDERS || AT_WORK.load(Ordering::Relaxed) < 3 {
        order += 1;
        to_desk.send(order)?;
    }
    // Closing it ends each select that waits for it.
    kitchen.close();

    let served = [on_a_thread.join().map_err(|_| "the thread panicked")?, in_a_coroutine.join()?, as_a_task.join()??];
    println!("each of the three has served: {}", served.iter().all(|(count, _)| *count > 0));
    let sum: u64 = served.iter().map(|(_, sum)| sum).sum();
    println!("every order was served once: {}", sum == u64::from(order) * (u64::from(order) + 1) / 2);
    Ok(())
}

/// Notes an order in `served`: how many, and their sum.
fn serve_one(served: (u32, u64), order: u32) -> (u32, u64) {
    if served.0 == 0 {
        AT_WORK.fetch_add(1, Ordering::Relaxed);
    }
    (served.0 + 1, served.1 + u64::from(order))
}

/// How many orders were served until the kitchen closed, and their sum.
fn serve(orders: &Receiver<u32>, closing: &Receiver<()>) -> (u32, u64) {
    let mut served = (0, 0);
    loop {
        select! {
            recv(orders) -> order => match order {
                Ok(order) => served = serve_one(served, order),
                Err(_) => return served,
            },
            recv(closing) -> _ => return served,
        }
    }
}

/// The same in async code.
async fn serve_async(orders: Receiver<u32>, closing: Receiver<()>) -> (u32, u64) {
    let mut served = (0, 0);
    loop {
        select_async! {
            recv(orders) -> order => match order {
                Ok(order) => served = serve_one(served, order),
                Err(_) => return served,
            },
            recv(closing) -> _ => return served,
        }
    }
}
