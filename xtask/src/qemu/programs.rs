// SPDX-License-Identifier: BSD-3-Clause
//! The table of programs: what each needs, and what it must print.
//!
//! A new program is a file in qemu/src/bin, a `[[bin]]` in qemu/Cargo.toml and a row here; one without a row fails the suite.

use std::io;

use super::boot::Boot;
use super::disk;
use super::peers;
use super::wire::{Peer, Wire};

/// A row of the table.
pub struct Program {
    /// A binary of the package in qemu/.
    pub name: &'static str,
    /// It needs so many cores to show what it is for.
    pub cores: usize,
    pub optimised: Optimised,
    pub exit_code: i32,
    /// Each of these is somewhere in its output.
    pub prints: &'static [&'static str],
    /// What more the emulator is told, in words.
    pub emulator: &'static [&'static str],
    /// What the program is told, as `Machine::arguments` gives it.
    pub arguments: &'static str,
    /// What it is told in a long run, if that is something else.
    pub long: Option<Long>,
    /// Who is at the other end of its UART. Without a peer what it prints is read, and nothing is sent.
    pub peer: Option<Peer>,
    /// How it gets into memory, and the device tree.
    pub boot: Boot,
    /// It reads this disk.
    pub disk: Option<Disk>,
    /// A program that takes this long hangs. The others take a second on an idle machine.
    pub limit_s: u64,
}

/// Whether a program is also built with optimisation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Optimised {
    Always,
    /// It takes long to build, or what it shows does not depend on the compiler.
    InLongRuns,
}

/// The full count of what CI runs a part of.
#[derive(Clone, Copy)]
pub struct Long {
    pub arguments: &'static str,
    pub limit_s: u64,
}

/// Makes a disk: its bytes.
pub type Disk = fn() -> io::Result<Vec<u8>>;

/// What most programs do.
pub const SUCCEEDS: Program = Program {
    name: "",
    cores: 1,
    optimised: Optimised::Always,
    exit_code: 0,
    prints: &["kcoro: exit 0\n"],
    emulator: &[],
    arguments: "",
    long: None,
    peer: None,
    boot: Boot::Kernel,
    disk: None,
    limit_s: 20,
};

/// Time is what the guest has executed, and all cores take turns on one thread: counts repeat exactly, whatever else the
/// machine does. Where races count it would hide them.
const COUNTED_TIME: &[&str] = &["-icount", "shift=3,sleep=off"];

/// What nobody reads does no harm.
fn greet(wire: &mut Wire) -> Result<(), String> {
    wire.send(b"hello to nobody\n")?;
    wire.until("hello from a coroutine\n").map(drop)
}

/// A row for each binary in qemu/src/bin.
pub const PROGRAMS: &[Program] = &[
    Program {
        name: "hello",
        peer: Some(Peer::User(greet)),
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
        emulator: COUNTED_TIME,
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
        arguments: "switches=20000",
        long: Some(Long { arguments: "switches=2000000", limit_s: 900 }),
        prints: &[
            "all sums are what they are undisturbed: true\n",
            "bits that canaries have lost in an interrupt: 0x0\n",
            "at least as many switches as asked for: true\n",
            "handlers have disturbed each of them: true\n",
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
    // One of its faults on each machine; bad_input.rs has the others.
    Program {
        name: "faults",
        optimised: Optimised::InLongRuns,
        arguments: "undefined",
        exit_code: 102,
        prints: &[
            "kcoro: core 0, coroutine 'culprit' (id ",
            ": an unknown instruction (class 0x0) at 0x40",
            "kcoro: exit 102\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "skynet",
        arguments: "leaves=1000 rounds=3",
        long: Some(Long { arguments: "leaves=10000 rounds=20", limit_s: 900 }),
        prints: &[
            " trees of 1000",
            " ms, all came to their sum: true\n",
            "core 0 ran ",
            "each core has run some: true\n",
            "each leaf has run once: true\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "shell",
        peer: Some(Peer::User(peers::shell::type_commands)),
        prints: &["goodbye\nnothing is left behind: true\nkcoro: exit 0\n"],
        ..SUCCEEDS
    },
    Program {
        name: "eeprom",
        peer: Some(Peer::Device(peers::eeprom::bridge)),
        prints: &[
            "what was written was read, over the ends of pages: true\n",
            "it is busy after a write, and the driver's error says that nobody acknowledged: true\n",
            "a write over the end of a page goes on at its beginning: true\n",
            "two drivers have shared the bus: true\n",
            "others went on while transfers waited: true\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "suspended",
        optimised: Optimised::InLongRuns,
        exit_code: 103,
        prints: &[
            "on each core 500 rounds, and none got lost: true\n",
            "what is over before it is worth parking may be in a critical section: true\n",
            ", coroutine 'thermometer' (id ",
            "), spawned at qemu/src/bin/suspended.rs:",
            ": it suspends with interrupts masked, in a critical section\nkcoro: exit 103\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "drivers",
        optimised: Optimised::InLongRuns,
        prints: &[
            "a handler that cannot be is refused: true\n",
            "a short delay spins: true\n",
            "a long one parks: true\n",
            "an interrupt has woken a future in a coroutine: true\n",
            " core 0] bell 0\n",
            " core 0] bell 99\n",
            " core 0] line 0 of too many\n",
            "[core 0] ",
            " lines found no room\n",
            " core 0] the last of the log\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
    Program {
        name: "fat",
        disk: Some(disk::fat),
        prints: &[
            "a disk of 16512 blocks, which is opened once: true\n",
            "a block can be read outside of coroutines: true\n",
            "README.TXT: a file that the host has made\n",
            "INNER/LARGE.BIN has what the host has written: true\n",
            "REPLY.TXT is what was written: true\n",
            "others went on while transfers waited: true\n",
            "a cancel is seen after the request: true\n",
            "each gets the blocks it asked for: true\n",
            "nothing is left behind: true\n",
            "kcoro: exit 0\n",
        ],
        ..SUCCEEDS
    },
];
