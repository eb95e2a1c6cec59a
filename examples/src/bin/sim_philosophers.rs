// SPDX-License-Identifier: BSD-3-Clause
//! A deadlock that a test on threads would meet once in a while: the simulator finds it, names who waits, and replays it.
//!
//! Three philosophers share three forks, and each takes the left one first. All eat, unless a schedule gives each a left
//! fork before anyone has a right one.

use std::error::Error;

use kcoro_sim::Sim;
use kcoro_sim::channel::{Receiver, Sender, bounded};
use kcoro_sim::sched::{Builder, yield_now};

/// A fork lies in its channel, or somebody has it.
type Fork = (Sender<()>, Receiver<()>);

const NAMES: [&str; 3] = ["Aspasia", "Hypatia", "Diotima"];

fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::new();

    let careless = |seed| sim.run(seed, || dine(|left, right| (left, right)));
    let found = (0..1000).find_map(|seed| Some((seed, careless(seed).err()?)));
    let (seed, failure) = found.ok_or("no seed found the deadlock")?;
    println!("{failure}");

    // The seed is all that it takes to see it again, as often as needed.
    let again = careless(seed).err().ok_or("the seed did not replay")?;
    println!("the same seed took the same way again: {}", again.trace_hash == failure.trace_hash);

    // The remedy: everyone takes the fork with the lower number first.
    sim.check(0..1000, || dine(|left, right| (left.min(right), left.max(right))));
    println!("with a rule of order all have eaten under 1000 seeds");
    Ok(())
}

/// Everyone eats once; `order` says which of the left and the right fork is taken first.
fn dine(order: fn(usize, usize) -> (usize, usize)) {
    let forks: [Fork; 3] = std::array::from_fn(|_| bounded(1));
    forks.iter().for_each(|(lay, _)| lay.send(()).expect("it is open"));
    let dinners = NAMES.into_iter().enumerate().map(|(seat, name)| {
        let (first, second) = order(seat, (seat + 1) % 3);
        let (first, second) = (forks[first].clone(), forks[second].clone());
        Builder::new().name(name).spawn(move || eat(&first, &second)).expect("a seat")
    });
    let dinners: Vec<_> = dinners.collect();
    dinners.into_iter().for_each(|dinner| dinner.join().expect("a dinner"));
}

fn eat((lay_first, first): &Fork, (lay_second, second): &Fork) {
    first.recv().expect("it is open");
    yield_now(); // to think
    second.recv().expect("it is open");
    lay_second.send(()).expect("it is open");
    lay_first.send(()).expect("it is open");
}
