// SPDX-License-Identifier: BSD-3-Clause
//! What programs say to machines and firmware that they cannot use: each time a message, and an exit code that is not 0.

use super::boot::Boot;
use super::machine::Machine;
use super::programs::{Program, SUCCEEDS};
use super::run;
use crate::run::Session;

const MACHINE: Machine = Machine { smp: 1, gic: 3, el: 1, release: false };

/// What most of these come to.
const REFUSED: Program = Program { name: "hello", exit_code: 103, ..SUCCEEDS };

/// What a program finds, and what it says to that.
const ROWS: &[(Machine, Program)] = &[
    (
        Machine { smp: 4, el: 3, ..MACHINE },
        Program {
            prints: &["kcoro: cannot start: this core is at EL3; start it at EL2 or EL1", "kcoro: exit 103\n"],
            ..REFUSED
        },
    ),
    (
        MACHINE,
        Program {
            boot: Boot::NoTree { address: 0 },
            prints: &["cannot start: no device tree: neither in x0 nor at the start of RAM\nkcoro: exit 103\n"],
            ..REFUSED
        },
    ),
    (
        MACHINE,
        Program {
            boot: Boot::NoTree { address: 0x4600_0001 },
            prints: &["cannot start: no device tree: neither in x0 nor at the start of RAM\nkcoro: exit 103\n"],
            ..REFUSED
        },
    ),
    (
        MACHINE,
        Program {
            boot: Boot::StrayAddress { address: 0x70_dead_0000 },
            prints: &["cannot start: before memory was mapped: a data abort", "address 0x70dead0000", "exit 103\n"],
            ..REFUSED
        },
    ),
    // What x0 holds is no tree, but there is one.
    (MACHINE, Program { name: "hello", boot: Boot::StrayAddress { address: 0x4600_0001 }, ..SUCCEEDS }),
    (
        MACHINE,
        Program {
            boot: Boot::Garbled(garble_node),
            prints: &["the device tree is broken: something is neither a node nor a property\nkcoro: exit 103\n"],
            ..REFUSED
        },
    ),
    (
        MACHINE,
        Program {
            boot: Boot::Garbled(garble_property_name),
            prints: &["the device tree is broken: a property's name is not among the names\nkcoro: exit 103\n"],
            ..REFUSED
        },
    ),
    (
        MACHINE,
        Program {
            boot: Boot::Garbled(|tree| rename(tree, "arm,gic-v3", "arm,gic-v9")),
            prints: &[
                "the device tree has no interrupt controller that is known here: GICv2 or GICv3\nkcoro: exit 103\n",
            ],
            ..REFUSED
        },
    ),
    (
        MACHINE,
        Program {
            boot: Boot::Garbled(|tree| rename(tree, "arm,pl011", "arm,pl999")),
            prints: &["the device tree has no PL011 UART\nkcoro: exit 103\n"],
            ..REFUSED
        },
    ),
    // Less than the image takes.
    (
        MACHINE,
        Program {
            emulator: &["-m", "4M"],
            prints: &[
                "kcoro: cannot start: a fault before memory was set up: is RAM smaller than the image?\nkcoro: exit 103\n",
            ],
            ..REFUSED
        },
    ),
    // Less than coroutine stacks need.
    (
        MACHINE,
        Program {
            emulator: &["-m", "5M"],
            prints: &["kcoro: cannot start: too little memory: the image ends at 0x40", "kcoro: exit 103\n"],
            ..REFUSED
        },
    ),
    // Less than the program asks for.
    (
        MACHINE,
        Program {
            emulator: &["-m", "8M"],
            exit_code: 101,
            prints: &["a machine with that much memory", "kcoro: exit 101\n"],
            ..REFUSED
        },
    ),
    // More than are configured: it runs on those that are.
    (
        Machine { smp: 9, ..MACHINE },
        Program { name: "hello", prints: &["kcoro: 9 cores, of which 8 are used\n", "kcoro: exit 0\n"], ..SUCCEEDS },
    ),
    (
        Machine { smp: 12, el: 2, ..MACHINE },
        Program { name: "storm", prints: &["kcoro: 12 cores, of which 8 are used\n", "kcoro: exit 0\n"], ..SUCCEEDS },
    ),
];

/// What a program does that it must not, and what is said to that: of the program `faults`, which is told what to do.
const FAULTS: &[Program] = &[
    Program {
        arguments: "undefined",
        prints: &[CULPRIT, ": an unknown instruction (class 0x0) at 0x40", "kcoro: exit 102\n"],
        ..FAULT
    },
    Program {
        arguments: "breakpoint",
        prints: &[CULPRIT, ": a breakpoint instruction (class 0x3c) at 0x40", "kcoro: exit 102\n"],
        ..FAULT
    },
    Program {
        arguments: "call",
        prints: &[CULPRIT, ": a supervisor call (class 0x15) at 0x40", "kcoro: exit 102\n"],
        ..FAULT
    },
    Program {
        arguments: "stray_read",
        prints: &[CULPRIT, ": a data abort (class 0x25) at 0x40", "address 0x7000000000", "kcoro: exit 102\n"],
        ..FAULT
    },
    Program {
        arguments: "write_code",
        prints: &[CULPRIT, ": a data abort (class 0x25) at 0x40", "kcoro: exit 102\n"],
        ..FAULT
    },
    Program {
        arguments: "execute_data",
        prints: &[CULPRIT, ": an instruction abort (class 0x21) at 0x40", "kcoro: exit 102\n"],
        ..FAULT
    },
    Program {
        arguments: "no_handler",
        prints: &["kcoro: core 0: interrupt 7 has no handler\nkcoro: exit 102\n"],
        ..FAULT
    },
    Program {
        arguments: "wait_in_handler",
        exit_code: 101,
        prints: &["panicked at qemu/src/bin/faults.rs", "InInterrupt", "kcoro: exit 101\n"],
        ..FAULT
    },
    Program {
        arguments: "panic_in_handler",
        exit_code: 101,
        prints: &["panicked at qemu/src/bin/faults.rs", "out of hand\nkcoro: exit 101\n"],
        ..FAULT
    },
    Program {
        arguments: "fault_in_handler",
        prints: &["kcoro: core 0: in an interrupt handler: an unknown instruction", "kcoro: exit 102\n"],
        ..FAULT
    },
];

const CULPRIT: &str = "kcoro: core 0, coroutine 'culprit' (id ";
const FAULT: Program = Program { name: "faults", exit_code: 102, ..SUCCEEDS };

/// Runs all rows; their programs are built.
pub fn check_all(session: &mut Session) {
    ROWS.iter().for_each(|(machine, program)| run::check(session, program, *machine));
    let machines = [MACHINE, Machine { gic: 2, el: 2, ..MACHINE }];
    for (program, machine) in FAULTS.iter().zip(machines.into_iter().cycle()) {
        run::check(session, program, machine);
    }
}

/// Where nodes begin, as the header says.
fn nodes_at(tree: &[u8]) -> usize {
    u32::from_be_bytes(tree[8..12].try_into().expect("four bytes")) as usize
}

/// The first word after the root's name, which is empty.
fn garble_node(tree: &mut [u8]) {
    let at = nodes_at(tree) + 8;
    tree[at..at + 4].copy_from_slice(&0xdead_beef_u32.to_be_bytes());
}

/// The third word of the root's first property.
fn garble_property_name(tree: &mut [u8]) {
    let at = nodes_at(tree) + 16;
    tree[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
}

/// Wherever it stands.
fn rename(tree: &mut [u8], from: &str, to: &str) {
    for at in 0..tree.len() - from.len() {
        if tree[at..].starts_with(from.as_bytes()) {
            tree[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
}
