// SPDX-License-Identifier: BSD-3-Clause
//! What the vectors call. An interrupt is handled and returned from; all else is the end of the program, with a message that
//! names the culprit.
#![expect(unsafe_code, reason = "called by the vectors, reads the name of the current coroutine")]

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use kcoro_core::task::fault::{StackOwner, current_stack_owner};

use crate::cores::{self, Core};
use crate::exit::{self, ExitCode, die};
use crate::vectors::{Frame, NO_ROOM};
use crate::{interrupts, paging};

/// The numbers of the vectors, from EL1t; plus 4 from EL1h, plus 8 or 12 from EL0.
const SYNCHRONOUS: u64 = 0;
const INTERRUPT: u64 = 1;

/// The class of an exception, from ESR_EL1.
const DATA_ABORT: u64 = 0x25;

pub(crate) extern "C" fn on_exception(frame: &mut Frame, vector: u64) {
    if vector == INTERRUPT {
        return interrupts::handle();
    }
    if exit::has_called_debugger() {
        exit::turn_off();
    }
    if vector == SYNCHRONOUS {
        report_of_thread(frame)
    } else {
        report_of_handler(frame, vector)
    }
}

/// In a coroutine, or on a core's base stack.
fn report_of_thread(frame: &Frame) -> ! {
    if !paging::is_on() {
        die(ExitCode::FATAL, format_args!("kcoro: cannot start: before memory was mapped: {}", Cause(frame)));
    }
    let (core, address) = (Core::current().index, frame.far as usize);
    if frame.esr >> 26 == DATA_ABORT && paging::is_guard(address) {
        if let Some((owner, stack)) = cores::guard_hit(address) {
            die(
                ExitCode::FAULT,
                format_args!("kcoro: core {core}: the {stack} of core {owner} has overflowed, by an access to {address:#x}"),
            );
        }
        die(ExitCode::FAULT, format_args!("{}", Overflow { core, address, stack_pointer: frame.sp_el0 as usize }));
    }
    die(ExitCode::FAULT, format_args!("kcoro: core {core}{}: {}", Coroutine(current_stack_owner()), Cause(frame)))
}

/// In an interrupt handler, or while an exception was reported.
fn report_of_handler(frame: &Frame, vector: u64) -> ! {
    static REPORTING: AtomicBool = AtomicBool::new(false);
    let core = Core::current().index;
    // A fault of this very report: say no more.
    if REPORTING.load(Ordering::Relaxed) {
        exit::exit(ExitCode::FAULT);
    }
    REPORTING.store(true, Ordering::Relaxed);
    if vector & NO_ROOM != 0 {
        let stack_pointer = frame.x[0] as usize + size_of::<Frame>();
        die(
            ExitCode::FAULT,
            format_args!(
                "kcoro: core {core}: an interrupt handler has overflowed the exception stack, with its stack pointer at \
                 {stack_pointer:#x}: {}",
                Cause(frame)
            ),
        );
    }
    let place = match vector / 4 {
        0 => "outside of handlers",
        1 => "in an interrupt handler",
        _ => "at EL0, where nothing runs",
    };
    die(ExitCode::FAULT, format_args!("kcoro: core {core}: {place}: {}", Cause(frame)))
}

/// ", coroutine 'name' (id 7), spawned at ...": whom a report is about.
pub(crate) struct Coroutine(pub(crate) Option<StackOwner>);

impl fmt::Display for Coroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(owner) = &self.0 else { return Ok(()) };
        write!(f, ", coroutine ")?;
        // SAFETY: the owner is the current coroutine, and stays it: reports do not return.
        if let Some(name) = owner.name.map(|name| unsafe { name.as_ref() }) {
            write!(f, "'{name}' ")?;
        }
        write!(f, "(id {}), spawned at {}", owner.id, owner.spawn_site)
    }
}

/// A coroutine's stack has overflowed.
struct Overflow {
    core: usize,
    address: usize,
    stack_pointer: usize,
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The fault may be a stray pointer into the guard of another stack: then no name is right.
        let page = crate::table::PAGE_BYTES as usize;
        let owner = current_stack_owner().filter(|owner| (owner.stack_limit - page..owner.stack_limit).contains(&self.address));
        let Self { core, address, stack_pointer } = self;
        match &owner {
            Some(StackOwner { stack_limit, stack_top, .. }) => write!(
                f,
                "kcoro: core {core}{} has overflowed its stack\nkcoro: the stack has {} bytes, {stack_limit:#x} to \
                 {stack_top:#x}; ask for a larger one",
                Coroutine(owner),
                stack_top - stack_limit,
            )?,
            None => write!(f, "kcoro: core {core}: an access to the guard of a coroutine stack that is not the running one's")?,
        }
        write!(f, "\nkcoro: the access was to {address:#x}, the stack pointer is {stack_pointer:#x}")
    }
}

/// What happened, in the words of the architecture.
struct Cause<'a>(&'a Frame);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { esr, elr, far, sp_el0, spsr, .. } = self.0;
        let class = esr >> 26;
        let what = match class {
            0x00 => "an unknown instruction",
            0x15 => "a supervisor call",
            0x20 | 0x21 => "an instruction abort",
            0x22 => "a program counter that is not aligned",
            0x24 | 0x25 => "a data abort",
            0x26 => "a stack pointer that is not aligned",
            0x2f => "a system error",
            0x3c => "a breakpoint instruction",
            _ => "an unknown exception",
        };
        write!(
            f,
            "{what} (class {class:#x}) at {elr:#x}, address {far:#x}, esr {esr:#x}, spsr {spsr:#x}, stack pointer {sp_el0:#x}"
        )
    }
}
