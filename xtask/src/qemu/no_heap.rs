// SPDX-License-Identifier: BSD-3-Clause
//! Programs without an allocator: a package of their own, whose smallest program says how large the core is.

use std::process::Command;

use super::image;
use super::machine::{Machine, Part, TARGET};
use super::programs::{Program, SUCCEEDS};
use super::run;
use crate::run::{Session, cargo};

/// Its code must not grow over this, in whole pages. The aim is 24 KiB; what it has beyond that is in tests/RESULTS.md.
const MOST_CODE_BYTES: u64 = 64 * 1024;
/// Whose size it is.
const SMALLEST: &str = "hello_static";

pub const PROGRAMS: &[Program] = &[
    Program {
        name: SMALLEST,
        prints: &["hello from a slot: the sum of ten squares is 385\n", "kcoro: exit 0\n"],
        ..SUCCEEDS
    },
    Program {
        name: "no_heap",
        prints: &[
            "the generator's reference is 2870\n",
            "a fourth sensor is refused: true\n",
            "a slot is one coroutine's: Some(SlotBusy)\n",
            "60 readings came to 8610\n",
            "which is the reference of each sensor: true\n",
            "the filter has booked Some(60) readings\n",
            "the controller was told, and has steered\n",
            "all slots of sensors are free again\n",
            "what never comes is not waited for: true\n",
            "nobody was early: true\n",
            "a future receives Some(7): true\n",
            "a helper's helper returned Some(3): true\n",
            "who is cancelled does not sleep on: true\n",
            "every coroutine that was spawned has ended: true\n",
            "nothing is left behind: every coroutine has ended\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
];

/// Builds them, with optimisation for size in a release, and runs them; and says how large the smallest is.
pub fn check_all(session: &mut Session) {
    for release in [false, true] {
        session.check(build(release));
        for machine in Part::of(session.long).machines(release) {
            PROGRAMS.iter().for_each(|program| run::check(session, program, machine));
        }
    }
    let machine = Machine { smp: 1, gic: 3, el: 1, release: true };
    PROGRAMS.iter().for_each(|program| image::check(session, program.name, machine));
    match image::code_bytes(SMALLEST, machine) {
        Ok(bytes) if bytes <= MOST_CODE_BYTES => session.tally.passed += 1,
        Ok(bytes) => session.fail(&format!("{SMALLEST} has {bytes} bytes of code, and may have {MOST_CODE_BYTES}")),
        Err(why) => session.fail(&format!("the image of {SMALLEST} cannot be read: {why}")),
    }
    image::say_size(session, SMALLEST, machine);
}

/// The command that builds all of them.
pub fn build(release: bool) -> Command {
    let profile = if release { " --release" } else { "" };
    let package = "--package kcoro-qemu-no-heap --features bare-metal";
    let mut command = cargo(&format!("build {package} --target {TARGET}{profile}"));
    command.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    let for_size = [("OPT_LEVEL", "z"), ("LTO", "fat"), ("CODEGEN_UNITS", "1"), ("PANIC", "abort"), ("DEBUG", "0")];
    command.envs(for_size.map(|(what, value)| (format!("CARGO_PROFILE_RELEASE_{what}"), value)));
    command
}
