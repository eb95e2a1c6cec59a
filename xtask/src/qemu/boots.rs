// SPDX-License-Identifier: BSD-3-Clause
//! Starts the smallest program again and again, on all machines in turn: a boot that hangs once in a hundred is a bug.

use std::thread;

use super::machine::{Machine, Part};
use super::programs::{PROGRAMS, Program};
use super::run;
use crate::run::Session;

const PROGRAM: &str = "hello";
const IN_CI: usize = 40;
const IN_LONG_RUNS: usize = 1000;
/// So many at a time: a boot keeps one core busy at most.
const SIDES: usize = 2;

/// Boots and checks what is printed each time.
pub fn check_all(session: &mut Session) {
    let boots = if session.long { IN_LONG_RUNS } else { IN_CI };
    let machines: Vec<_> = [false, true].into_iter().flat_map(|release| Part::All.machines(release)).collect();
    let program = PROGRAMS.iter().find(|program| program.name == PROGRAM).expect("the table has it");
    let sides: Result<Vec<_>, _> = (0..SIDES).map(|_| session.side()).collect();
    let sides = match sides {
        Ok(sides) => sides,
        Err(error) => return session.fail(&format!("no log for the boots: {error}")),
    };
    let sides: Vec<_> = thread::scope(|threads| {
        let boot = |(number, side)| {
            threads.spawn({
                let machines = &machines;
                move || {
                    boot_some(side, program, (number..boots).step_by(SIDES).map(|boot| machines[boot % machines.len()]))
                }
            })
        };
        let running: Vec<_> = sides.into_iter().enumerate().map(boot).collect();
        running.into_iter().map(|side| side.join().expect("a session does not panic")).collect()
    });
    sides.into_iter().for_each(|side| session.take(side));
    session.say(&format!("{boots} boots of {PROGRAM} over {} machines", machines.len()));
}

fn boot_some(mut side: Session, program: &Program, machines: impl Iterator<Item = Machine>) -> Session {
    machines.for_each(|machine| run::check(&mut side, program, machine));
    side
}
