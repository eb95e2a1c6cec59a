// SPDX-License-Identifier: BSD-3-Clause
//! Publish and subscribe: each subscriber has a conflated channel of its own, which holds the newest state only. One that is
//! slow skips what is out of date, and slows nobody down. One that leaves is forgotten with the next publication.

use std::error::Error;

use kcoro_posix::Posix;
use kcoro_posix::channel::{Receiver, Sender, conflated};
use kcoro_posix::sched::{Runtime, yield_now};
use kcoro_posix::scope::scope;
use kcoro_posix::sync::{Event, Mutex};
use kcoro_posix::wait::CannotWait;

/// Publishes states to whoever has subscribed.
struct Topic<T> {
    subscribers: Mutex<Vec<Sender<T>>>,
}

impl<T: Clone> Topic<T> {
    fn new() -> Self {
        Self { subscribers: Mutex::new(Vec::new()) }
    }

    fn subscribe(&self) -> Result<Receiver<T>, CannotWait> {
        let (tx, rx) = conflated();
        self.subscribers.lock()?.push(tx);
        Ok(rx)
    }

    /// Never waits for a subscriber. Returns how many there are.
    fn publish(&self, state: &T) -> Result<usize, CannotWait> {
        let mut subscribers = self.subscribers.lock()?;
        subscribers.retain(|subscriber| subscriber.send(state.clone()).is_ok());
        Ok(subscribers.len())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // One worker, so that who is fast and who is slow is known.
    let runtime = Runtime::builder(Posix::new()).workers(1).build()?;
    runtime.run(|| watch_the_price().map_err(|error| error.to_string()))??;
    Ok(())
}

fn watch_the_price() -> Result<(), Box<dyn Error>> {
    let price = Topic::new();
    let (fast, slow, leaving) = (price.subscribe()?, price.subscribe()?, price.subscribe()?);
    let the_rest_is_published = Event::new();
    scope(|s| -> Result<(), Box<dyn Error>> {
        let fast = s.spawn(move || fast.iter().collect::<Vec<u32>>())?;
        let slow = s.spawn(|| {
            the_rest_is_published.wait().expect("a coroutine can wait");
            slow.iter().collect::<Vec<u32>>()
        })?;
        println!("{} subscribers", price.publish(&100)?);
        drop(leaving);
        for state in [101, 103, 102] {
            // The fast one has its turn.
            yield_now();
            println!("{} subscribers", price.publish(&state)?);
        }
        the_rest_is_published.set();
        // The senders go: what is there can still be received.
        price.subscribers.lock()?.clear();
        println!("the fast one saw {:?}, the slow one {:?}", fast.join()?, slow.join()?);
        Ok(())
    })
}
