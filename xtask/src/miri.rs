// SPDX-License-Identifier: BSD-3-Clause
//! The suite `miri`: small tests under Miri, which checks borrows, lifetimes, initialisation, leaks and data races of what
//! it interprets. Under it contexts are threads: see `kcoro-core/src/arch/baton`.
//!
//! It begins with `tests/tests/programs/planted.rs`, which makes sure that Miri reports what was planted for it.

use std::process::Command;

use crate::run::{Session, cargo};

/// Stacked Borrows, the stricter model of what references promise, and pointers that are made of pointers only. The
/// simulator's runner may see how many seeds it is to play.
const FLAGS: &str = "-Zmiri-strict-provenance -Zmiri-env-forward=KCORO_SEEDS";
/// The other model.
const TREE_BORROWS: &str = "-Zmiri-tree-borrows";
/// Each seed is another schedule of the threads, and another choice of the values that a relaxed load may see.
const SCHEDULES: &str = "-Zmiri-many-seeds=0..4";
const MORE_SCHEDULES: &str = "-Zmiri-many-seeds=0..64";

const CORE: &str = "--package kcoro-core --features std --lib -- --skip million --skip ordered_map --skip steal_deliver \
     --skip deep_tree --skip each_option_is_drawn";
/// Left out: frames do not lie in stack memory under Miri; two that take minutes.
const COROUTINES: &str = "--package kcoro-tests --test switch -- coroutine:: --skip nearly_all_of_its_stack --skip nest \
                          --skip every_size";
/// Ends of runtimes that leave nothing behind: an abandoned coroutine would be reported as a thread that was not joined.
const ENDS: &str = "--package kcoro-tests --test sched -- statics::a_slot statics::a_static shutdown::a_shutdown shutdown::a_runtime_may_be \
                    shutdown::a_local_runtime_drives shutdown::a_local_runtime_dropped";
/// Miri has no floating-point control, and would report the handles that two scenarios forget on purpose.
const SCENARIOS: &str =
    "--package kcoro-tests --test scenarios -- --skip fp_control --skip nobody_joins --skip out_of_time";
/// On threads of the toy platform, and in the simulator.
const ON_THREADS: &str = "toy::";
const SIMULATED: &str = "simulated::";
/// Borrows of frames and thread-locals, under parents that panic. It forgets handles on purpose.
const BORROWS: &str = "--package kcoro-tests --test actors -- borrow_torture";
const FORGETS: &str = "-Zmiri-ignore-leaks";
/// Regions and shields that are entered, left and carried off while others cancel; hooks; the ends of their runtimes. Some are
/// forgotten on purpose.
const CANCELS: &str = "--package kcoro-tests --test cancel -- hooks:: regions:: storms::";
/// Small ones of selects, readiness, locks and kinds of channels. The seeds of the simulator take longer.
const SELECTS_AND_KINDS: &str = "toy::readiness:: toy::select_sets::sets_that toy::select_sets::arms_that toy::sync::a_ \
                                 toy::kinds::a_d toy::kinds::a_conflated toy::kinds::a_hook toy::kinds::a_static";
/// Which scenarios CI plays where; a long run plays all of them everywhere.
const SOME_ON_THREADS: &str = "toy::scopes::";
const SOME_SIMULATED: &str = "simulated::channels::";
/// A scope over all workers, played under many schedules.
const OFTEN: &str = "toy::scopes::children_on_all_workers";

pub fn run(session: &mut Session) {
    // One at a time: each of its tests builds for Miri.
    let mut planted = cargo("test --package kcoro-tests --test programs -- planted:: --test-threads=1");
    planted.env("KCORO_CHECKER", "miri").env("MIRIFLAGS", FLAGS);
    session.tests(planted);
    // An interpreter keeps one core busy.
    let mut commands =
        vec![miri(CORE, ""), miri(COROUTINES, ""), miri(ENDS, ""), miri(BORROWS, FORGETS), miri(CANCELS, FORGETS)];
    if session.long {
        for model in ["", TREE_BORROWS] {
            commands.push(scenarios(ON_THREADS, model));
            commands.push(with_seeds(scenarios(SIMULATED, model), "10"));
        }
        commands.push(scenarios(OFTEN, MORE_SCHEDULES));
    } else {
        commands.push(scenarios(SOME_ON_THREADS, ""));
        commands.push(scenarios(SELECTS_AND_KINDS, ""));
        commands.push(with_seeds(scenarios(SOME_SIMULATED, ""), "1"));
        commands.push(scenarios(OFTEN, SCHEDULES));
    }
    if let Err(error) = session.tests_side_by_side(commands) {
        session.fail(&format!("the log cannot be shared: {error}"));
    }
}

fn miri(tests: &str, flags: &str) -> Command {
    let mut command = cargo(&format!("+nightly miri test --no-fail-fast {tests}"));
    command.env("MIRIFLAGS", format!("{FLAGS} {flags}"));
    command
}

/// Plays the scenarios whose names contain `some`.
fn scenarios(some: &str, flags: &str) -> Command {
    miri(&format!("{SCENARIOS} {some}"), flags)
}

/// Plays each scenario in the simulator under so many seeds.
fn with_seeds(mut command: Command, seeds: &str) -> Command {
    command.env("KCORO_SEEDS", seeds);
    command
}
