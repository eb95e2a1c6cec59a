// SPDX-License-Identifier: BSD-3-Clause
//! Programs for bare metal under QEMU: runs one on this terminal, or all of them as a suite that checks what they print.

mod bad_input;
mod boot;
mod boots;
mod disk;
mod image;
mod machine;
mod no_heap;
mod peers;
mod programs;
mod run;
mod wire;

use std::process::Command;

pub use self::machine::Machine;
use self::machine::{Part, TARGET};
use self::programs::{Optimised, PROGRAMS, Program, SUCCEEDS};
use crate::bench::binaries;
use crate::run::{Session, cargo, interactive};

/// Builds `program` and runs it on this terminal, with `arguments` instead of those of its row.
pub fn run_one(program: &str, machine: Machine, arguments: &[String]) -> Result<(), String> {
    if let Some(row) = no_heap::PROGRAMS.iter().find(|row| row.name == program) {
        interactive(&mut no_heap::build(machine.release))?;
        return run::on_terminal(row, program, machine, arguments);
    }
    let known = binaries("qemu/src/bin");
    if !known.iter().any(|name| name == program) {
        return Err(format!("no program `{program}`; there are: {}", known.join(", ")));
    }
    interactive(&mut build(machine.release, [program].into_iter()))?;
    let row = PROGRAMS.iter().find(|row| row.name == program);
    run::on_terminal(row.unwrap_or(&Program { name: "", ..SUCCEEDS }), program, machine, arguments)
}

/// Builds and runs the table; a program without a row fails.
pub fn run_all(session: &mut Session) {
    let binaries = binaries("qemu/src/bin");
    for name in binaries.iter().filter(|name| PROGRAMS.iter().all(|program| program.name != **name)) {
        session.fail(&format!("program `{name}` has no row in the table of xtask/src/qemu/programs.rs"));
    }
    for release in [false, true] {
        let is_built = |program: &&Program| !release || session.long || program.optimised == Optimised::Always;
        let programs: Vec<_> = PROGRAMS.iter().filter(is_built).collect();
        session.check(build(release, programs.iter().map(|program| program.name)));
        for machine in Part::of(session.long).machines(release) {
            for program in programs.iter().filter(|program| program.cores <= machine.smp) {
                run::check(session, program, machine);
            }
        }
        image::check_all(session, Machine { smp: 1, gic: 3, el: 1, release });
    }
    no_heap::check_all(session);
    boots::check_all(session);
    bad_input::check_all(session);
}

fn build<'a>(release: bool, programs: impl Iterator<Item = &'a str>) -> Command {
    let profile = if release { " --release" } else { "" };
    let mut command = cargo(&format!("build --package kcoro-qemu --features bare-metal --target {TARGET}{profile}"));
    programs.for_each(|program| _ = command.args(["--bin", program]));
    // What a debugger would want besides takes as long as the code.
    command.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    command
}
