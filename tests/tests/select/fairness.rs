// SPDX-License-Identifier: BSD-3-Clause
//! Of several arms that are ready each is chosen as often as any other; a biased select takes the first.

use kcoro_posix::channel::{Receiver, bounded, never};
use kcoro_posix::select::Select;
use kcoro_posix::wait::block_on;
use kcoro_posix::{select, select_async, select_biased};
use kcoro_sim::Sim;
use kcoro_tests::{end, runtime};

const ROUNDS: u32 = 3_000;

/// Channels from which there is always something to receive.
fn full() -> [Receiver<()>; 3] {
    [0, 1, 2].map(|_| {
        let (tx, rx) = bounded(ROUNDS as usize);
        (0..ROUNDS).for_each(|_| tx.send(()).unwrap());
        tx.close();
        rx
    })
}

/// Each third is meant to be drawn `ROUNDS / 3` times; five standard deviations are 130.
fn assert_even(drawn: [u32; 3]) {
    assert_eq!(drawn.iter().sum::<u32>(), ROUNDS);
    assert!(drawn.iter().all(|times| times.abs_diff(ROUNDS / 3) < 130), "{drawn:?}");
}

fn draws(mut draw: impl FnMut() -> usize) -> [u32; 3] {
    let mut drawn = [0; 3];
    (0..ROUNDS).for_each(|_| drawn[draw()] += 1);
    drawn
}

/// Two more arms, which are never ready, lie between: they must not pass their share on to a neighbour.
fn draw_by_macro() -> [u32; 3] {
    let [a, b, c] = full();
    let (idle, silent) = (never::<()>(), never::<()>());
    draws(|| {
        select! {
            recv(a) -> _ => 0,
            recv(idle) -> _ => unreachable!("nothing comes"),
            recv(silent) -> _ => unreachable!("nothing comes"),
            recv(b) -> _ => 1,
            recv(c) -> _ => 2,
        }
    })
}

#[test]
fn each_ready_arm_is_chosen_as_often_as_any_other() {
    assert_even(draw_by_macro());
    let runtime = runtime(1);
    assert_even(runtime.spawn(draw_by_macro).unwrap().join().unwrap());
    end(runtime);
}

#[test]
fn each_ready_arm_is_chosen_as_often_in_async_code_and_in_a_set() {
    let [a, b, c] = full();
    let awaited = draws(|| {
        let draw = async {
            select_async! {
                recv(a) -> _ => 0,
                recv(b) -> _ => 1,
                recv(c) -> _ => 2,
            }
        };
        block_on(draw).unwrap()
    });
    assert_even(awaited);
    let full = full();
    let mut set = Select::new();
    for (nth, rx) in full.iter().enumerate() {
        set.recv(rx, move |_| nth);
    }
    assert_even(draws(|| set.wait().unwrap().1));
}

#[test]
fn a_biased_select_takes_the_first_that_is_ready() {
    let [a, b, c] = full();
    let idle = never::<()>();
    let drawn = draws(|| {
        select_biased! {
            recv(idle) -> _ => unreachable!("nothing comes"),
            recv(b) -> _ => 1,
            recv(a) -> _ => 0,
            recv(c) -> _ => 2,
        }
    });
    assert_eq!(drawn, [0, ROUNDS, 0]);
}

#[test]
fn the_seed_of_a_simulation_decides() {
    let chosen = |seed| {
        let body = || {
            let [a, b, c] = full();
            let chosen: Vec<_> = (0..20)
                .map(|_| {
                    select! {
                        recv(a) -> _ => 0,
                        recv(b) -> _ => 1,
                        recv(c) -> _ => 2,
                    }
                })
                .collect();
            chosen
        };
        Sim::new().run(seed, body).unwrap().value
    };
    assert_eq!(chosen(1), chosen(1));
    assert!((2..20).any(|seed| chosen(seed) != chosen(1)), "the seed decides nothing");
}
