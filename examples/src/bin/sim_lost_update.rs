// SPDX-License-Identifier: BSD-3-Clause
//! A lost update: read, wait, write. It goes well nearly always, until somebody else writes during the wait. The simulator
//! finds a schedule that does it, shows it step by step, and shows that the remedy holds under all it tries.
//!
//! ```sh
//! cargo run -p kcoro-examples --bin sim_lost_update            # finds a seed
//! cargo run -p kcoro-examples --bin sim_lost_update -- SEED    # shows what happens under that one
//! ```

use std::error::Error;
use std::sync::{Arc, Mutex};

use kcoro_sim::Sim;
use kcoro_sim::channel::bounded;
use kcoro_sim::sched::{spawn, yield_now};

const CLERKS: [&str; 3] = ["Ada", "Grace", "Edsger"];
const DEPOSIT: u32 = 100;
const EXPECTED: u32 = CLERKS.len() as u32 * DEPOSIT;

/// What was done to the balance, in the order in which it happened.
type Log = Arc<Mutex<Vec<String>>>;

/// Whether a clerk keeps the others out for as long as a deposit takes.
#[derive(Clone, Copy)]
enum Manners {
    Careless,
    OneAtATime,
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(seed) = std::env::args().nth(1) {
        let seed = seed.parse().map_err(|_| format!("`{seed}` is no seed: a whole number from 0 to {}", u64::MAX))?;
        return show(seed, Manners::Careless);
    }

    let fine = (0..1000).take_while(|seed| balance_after(*seed, Manners::Careless).is_ok_and(|it| it.0 == EXPECTED));
    let seed = fine.count() as u64;
    println!("seed {seed} is the first that loses an update; show it again with `sim_lost_update {seed}`");
    show(seed, Manners::Careless)?;

    for seed in 0..1000 {
        assert_eq!(balance_after(seed, Manners::OneAtATime)?.0, EXPECTED, "seed {seed}");
    }
    println!("with one clerk at a time nothing is lost under 1000 seeds");
    Ok(())
}

fn show(seed: u64, manners: Manners) -> Result<(), Box<dyn Error>> {
    let (balance, log) = balance_after(seed, manners)?;
    log.iter().for_each(|step| println!("  {step}"));
    println!("{} deposits of {DEPOSIT} came to {balance}", CLERKS.len());
    Ok(())
}

/// The balance after each clerk has made a deposit, and how it came to that.
fn balance_after(seed: u64, manners: Manners) -> Result<(u32, Vec<String>), Box<dyn Error>> {
    let log = Log::default();
    let own = log.clone();
    let balance = Sim::new().run(seed, move || deposit_all(manners, &own))?.value;
    let log = log.lock().map_err(|_| "a clerk panicked")?.clone();
    Ok((balance, log))
}

fn deposit_all(manners: Manners, log: &Log) -> u32 {
    let balance = Arc::new(Mutex::new(0));
    // Whoever has the key may go to the books. A channel that holds one value is all that takes.
    let (hang_up, key) = bounded(1);
    hang_up.send(()).expect("it is open");
    let clerks = CLERKS.into_iter().enumerate().map(|(rank, name)| {
        let (balance, log, hang_up, key) = (balance.clone(), log.clone(), hang_up.clone(), key.clone());
        let work = move || {
            // They come one after the other, so that nearly always all goes well.
            (0..10 * rank).for_each(|_| yield_now());
            match manners {
                Manners::Careless => deposit(name, &balance, &log),
                Manners::OneAtATime => {
                    key.recv().expect("it is open");
                    deposit(name, &balance, &log);
                    hang_up.send(()).expect("it is open");
                }
            }
        };
        spawn(work).expect("a clerk")
    });
    let clerks: Vec<_> = clerks.collect();
    clerks.into_iter().for_each(|clerk| clerk.join().expect("a deposit"));
    let balance = balance.lock().expect("nobody panicked");
    *balance
}

/// Reads the balance, suspends, and writes the new one: each half is safe, and the whole is not.
fn deposit(name: &str, balance: &Mutex<u32>, log: &Log) {
    let note = |what: String| log.lock().expect("nobody panicked").push(format!("{name} {what}"));
    let seen = *balance.lock().expect("nobody panicked");
    note(format!("reads {seen}"));
    yield_now(); // here a real clerk would ask a database
    *balance.lock().expect("nobody panicked") = seen + DEPOSIT;
    note(format!("writes {}", seen + DEPOSIT));
}
