// SPDX-License-Identifier: BSD-3-Clause
//! The same select from a plain thread, a coroutine and an async task.
//!
//! Three waiters at the same desk: each takes an order from one channel, or hears on another that the kitchen closes,
//! whichever comes first. `select!` parks whoever waits, be that a thread or a coroutine; `select_async!` awaits. All three
//! stand in the same queues, so each order goes to one of them, and the one that has waited longest is served first.

use std::error::Error;
use std::thread;

use kcoro_posix::Posix;
use kcoro_posix::channel::{Receiver, rendezvous};
use kcoro_posix::sched::Runtime;
use kcoro_posix::wait::block_on;
use kcoro_posix::{select, select_async};

const ORDERS: u32 = 300;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder(Posix::new()).build()?;
    let (to_desk, orders) = rendezvous();
    let (kitchen, closing) = rendezvous::<()>();

    let own = (orders.clone(), closing.clone());
    let on_a_thread = thread::spawn(move || serve(&own.0, &own.1));
    let own = (orders.clone(), closing.clone());
    let in_a_coroutine = runtime.spawn(move || serve(&own.0, &own.1))?;
    let as_a_task = runtime.spawn(move || block_on(serve_async(orders, closing)))?;

    for order in 1..=ORDERS {
        to_desk.send(order)?;
    }
    // Closing it ends each select that waits for it.
    kitchen.close();

    let served = [on_a_thread.join().map_err(|_| "the thread panicked")?, in_a_coroutine.join()?, as_a_task.join()??];
    println!("each of the three has served: {}", served.iter().all(|(count, _)| *count > 0));
    println!("{} orders were served once each: {}", ORDERS, served.iter().map(|(_, sum)| sum).sum::<u32>() == total());
    Ok(())
}

/// How many orders were served until the kitchen closed, and their sum.
fn serve(orders: &Receiver<u32>, closing: &Receiver<()>) -> (u32, u32) {
    let mut served = (0, 0);
    loop {
        select! {
            recv(orders) -> order => match order {
                Ok(order) => served = (served.0 + 1, served.1 + order),
                Err(_) => return served,
            },
            recv(closing) -> _ => return served,
        }
    }
}

/// The same in async code.
async fn serve_async(orders: Receiver<u32>, closing: Receiver<()>) -> (u32, u32) {
    let mut served = (0, 0);
    loop {
        select_async! {
            recv(orders) -> order => match order {
                Ok(order) => served = (served.0 + 1, served.1 + order),
                Err(_) => return served,
            },
            recv(closing) -> _ => return served,
        }
    }
}

fn total() -> u32 {
    ORDERS * (ORDERS + 1) / 2
}
