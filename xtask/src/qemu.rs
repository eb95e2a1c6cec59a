// SPDX-License-Identifier: BSD-3-Clause
//! Programs for bare metal under QEMU: runs one on this terminal, or all of them as a suite that checks what they print.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::bench::binaries;
use crate::run::{Session, cargo, command, interactive, target_dir};

const TARGET: &str = "aarch64-unknown-none";
/// A program that takes this long hangs. The longest takes a second on an idle machine.
const LIMIT: Duration = Duration::from_secs(20);
/// Of a guest that failed so many lines are shown.
const LAST_LINES: usize = 20;

/// The machine that a program runs on.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Machine {
    /// How many cores
    #[arg(long, default_value_t = 4)]
    pub smp: usize,
    /// Which interrupt controller: version 2 or 3
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=3))]
    pub gic: u8,
    /// The exception level that cores start at: 1, 2, or 3, which is refused
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub el: u8,
    /// Optimised
    #[arg(long)]
    pub release: bool,
}

struct Program {
    /// A binary of the package in qemu/.
    name: &'static str,
    /// It needs so many cores to show what it is for.
    cores: usize,
    optimised: Optimised,
    exit_code: i32,
    /// Each of these is somewhere in its output.
    prints: &'static [&'static str],
}

/// Whether a program is also built with optimisation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Optimised {
    Always,
    /// It takes long to build, or what it shows does not depend on the compiler.
    InLongRuns,
}

/// What most programs do.
const SUCCEEDS: Program =
    Program { name: "", cores: 1, optimised: Optimised::Always, exit_code: 0, prints: &["kcoro: exit 0\n"] };

/// A row for each binary in qemu/src/bin.
const PROGRAMS: &[Program] = &[
    Program {
        name: "hello",
        optimised: Optimised::InLongRuns,
        prints: &[
            "hello from a coroutine\n",
            "the sum of ten squares is 385\n",
            "children that borrow made [10, 20, 30]\n",
            "a sleep is never short: true\n",
            "what never comes is not waited for: true\n",
            "a handle joins a sleeper: Some(true)\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "overflow",
        optimised: Optimised::InLongRuns,
        exit_code: 102,
        prints: &[
            "kcoro: core 0, coroutine 'well' (id ",
            "), spawned at qemu/src/bin/overflow.rs:",
            " has overflowed its stack\nkcoro: the stack has 16384 bytes, 0x",
            "kcoro: the access was to 0x",
            "kcoro: exit 102\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "ping_pong",
        cores: 4,
        prints: &[
            "after 300 rounds each pair has [300, 300, 300, 300]\n",
            "core 0 received 600 messages, woken by others: true\n",
            "core 1 received 600 messages, woken by others: true\n",
            "core 2 received 600 messages, woken by others: true\n",
            "core 3 received 600 messages, woken by others: true\n",
            "64 jobs came to 2016, on more than one core: true\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "scenarios",
        optimised: Optimised::InLongRuns,
        prints: &[
            "not here: spawning::a_panic_arrives_at_the_join needs [Unwinding]\n",
            "most have been played: true\n",
            "the portable program comes to its number: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "storm",
        optimised: Optimised::InLongRuns,
        prints: &[
            "the handler ran 200 times on each core, or more often: true\n",
            "handlers were refused a wait each time: true\n",
            "each value sent was received once: true\n",
            "some were sent by handlers: true\n",
            "each permit released was acquired once: true\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "timers",
        optimised: Optimised::InLongRuns,
        prints: &[
            "nobody was early: true\n",
            "at most one for each, and some: true\n",
            "no more than a long sleep takes: true\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "fp_stress",
        prints: &[
            "all sums are what they are undisturbed: true\n",
            "bits that canaries have lost in an interrupt: 0x0\n",
            "handlers have disturbed them: true\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "handler_overflow",
        optimised: Optimised::InLongRuns,
        exit_code: 102,
        prints: &[
            "kcoro: core 0: an interrupt handler has overflowed the exception stack, with its stack pointer at 0x",
            "kcoro: exit 102\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "panic",
        optimised: Optimised::InLongRuns,
        exit_code: 101,
        prints: &[
            "kcoro: core 0, coroutine 'fragile' (id ",
            "), spawned at qemu/src/bin/panic.rs:",
            ": panicked at qemu/src/bin/panic.rs:",
            ":\nout of order\nkcoro: exit 101\n",
        ],
        ..SUCCEEDS
    },
];

/// What a program says on a machine that it does not run on.
const REFUSED: Program = Program {
    name: "hello",
    exit_code: 103,
    prints: &["kcoro: cannot start: this core is at EL3; start it at EL2 or EL1", "kcoro: exit 103\n"],
    ..SUCCEEDS
};

/// The machines of a run in CI: with both builds all pairs of properties. A long run takes all.
const PAIRS: [(u8, u8, usize); 4] = [(2, 1, 1), (2, 2, 4), (3, 1, 4), (3, 2, 1)];

/// Builds `program` and runs it on this terminal.
pub fn run_one(program: &str, machine: Machine) -> Result<(), String> {
    let known = binaries("qemu/src/bin");
    if !known.iter().any(|name| name == program) {
        return Err(format!("no program `{program}`; there are: {}", known.join(", ")));
    }
    interactive(&mut build(machine.release, [program].into_iter()))?;
    interactive(&mut emulator(program, machine))
}

/// Builds and runs the table; a program without a row fails.
pub fn run_all(session: &mut Session) {
    let binaries = binaries("qemu/src/bin");
    for name in binaries.iter().filter(|name| PROGRAMS.iter().all(|program| program.name != **name)) {
        session.fail(&format!("program `{name}` has no row in the table of xtask/src/qemu.rs"));
    }
    for release in [false, true] {
        let is_built = |program: &&Program| !release || session.long || program.optimised == Optimised::Always;
        let programs: Vec<_> = PROGRAMS.iter().filter(is_built).collect();
        session.check(build(release, programs.iter().map(|program| program.name)));
        for machine in machines(session.long, release) {
            for program in programs.iter().filter(|program| program.cores <= machine.smp) {
                check(session, program, machine);
            }
        }
    }
    check(session, &REFUSED, Machine { smp: 4, gic: 3, el: 3, release: false });
}

fn machines(all: bool, release: bool) -> Vec<Machine> {
    let every = [2, 3].into_iter().flat_map(|gic| [1, 2].map(|el| (gic, el)));
    let every: Vec<_> = every.flat_map(|(gic, el)| [1, 4].map(|smp| (gic, el, smp))).collect();
    let chosen = if all { &every[..] } else { &PAIRS };
    chosen.iter().map(|&(gic, el, smp)| Machine { smp, gic, el, release }).collect()
}

fn build<'a>(release: bool, programs: impl Iterator<Item = &'a str>) -> Command {
    let profile = if release { " --release" } else { "" };
    let mut command = cargo(&format!("build --package kcoro-qemu --features bare-metal --target {TARGET}{profile}"));
    programs.for_each(|program| _ = command.args(["--bin", program]));
    // What a debugger would want besides takes as long as the code.
    command.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    command
}

fn emulator(program: &str, machine: Machine) -> Command {
    let Machine { smp, gic, el, release } = machine;
    let levels = ["", ",virtualization=on", ",secure=on"][usize::from(el) - 1];
    // Without `-nic none` the emulator of Debian 12 wants a file that it does not have.
    let mut command = command(
        "qemu-system-aarch64",
        &format!(
            "-machine virt,gic-version={gic}{levels} -cpu max -smp {smp} -m 128M -display none -serial stdio -monitor none \
             -nic none -semihosting-config enable=on,target=native -kernel"
        ),
    );
    command.arg(target_dir().join(TARGET).join(if release { "release" } else { "debug" }).join(program));
    command
}

fn check(session: &mut Session, program: &Program, machine: Machine) {
    let ends = Instant::now() + LIMIT;
    let of_suite = session.kill_at;
    session.kill_at = Some(of_suite.map_or(ends, |at| at.min(ends)));
    let ran = session.run(emulator(program.name, machine));
    session.kill_at = of_suite;
    let what = format!("{} on {machine:?}", program.name);
    let (status, output) = match ran {
        Ok(ran) => ran,
        Err(error) => return session.fail(&format!("{what} did not run: {error}")),
    };
    match verdict(program, status.code(), &output) {
        Ok(()) => session.tally.passed += 1,
        Err(why) => session.fail(&format!("{what}: {why}; its last output:\n{}", last_lines(&output))),
    }
}

fn verdict(program: &Program, code: Option<i32>, output: &str) -> Result<(), String> {
    if code != Some(program.exit_code) {
        let ended = code.map_or("killed after too long".to_owned(), |code| format!("exit code {code}"));
        return Err(format!("{ended}, not exit code {}", program.exit_code));
    }
    match program.prints.iter().find(|text| !output.contains(**text)) {
        Some(missing) => Err(format!("it did not print `{}`", missing.trim_end())),
        None => Ok(()),
    }
}

fn last_lines(output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Program = Program { name: "p", prints: &["done\n"], ..SUCCEEDS };

    #[test]
    fn a_program_that_hangs_fails_or_says_too_little_is_told_apart_from_one_that_passes() {
        assert_eq!(verdict(&PROGRAM, Some(0), "done\n"), Ok(()));
        assert!(verdict(&PROGRAM, None, "done\n").unwrap_err().contains("killed"));
        assert!(verdict(&PROGRAM, Some(102), "done\n").unwrap_err().contains("exit code 102"));
        assert!(verdict(&PROGRAM, Some(0), "don").unwrap_err().contains("did not print `done`"));
    }

    #[test]
    fn the_sample_has_every_pair_of_properties() {
        for all in [false, true] {
            let machines = machines(all, false);
            for (gic, el, smp) in [(2, 1, 1), (2, 2, 4), (3, 1, 4), (3, 2, 1)] {
                assert!(machines.iter().any(|machine| (machine.gic, machine.el) == (gic, el)));
                assert!(machines.iter().any(|machine| (machine.gic, machine.smp) == (gic, smp)));
                assert!(machines.iter().any(|machine| (machine.el, machine.smp) == (el, smp)));
            }
        }
        assert_eq!(machines(true, false).len(), 8);
    }

    #[test]
    fn of_a_long_output_the_end_is_shown() {
        let output: String = (0..100).map(|line| format!("{line}\n")).collect();
        assert!(last_lines(&output).starts_with("80\n") && last_lines(&output).ends_with("99"));
        assert_eq!(last_lines("one\n"), "one");
    }
}
