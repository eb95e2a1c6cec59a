// SPDX-License-Identifier: BSD-3-Clause
//! kcoro on AArch64 without an operating system: QEMU's `virt`, and boards that describe themselves as it does.
//!
//! Re-exports all of [`kcoro_core`]. A program is a `main` that is given the [`Machine`]; built for `aarch64-unknown-none` it
//! needs no linker argument and no script:
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//!
//! use kcoro_baremetal_aarch64::{ExitCode, Machine, entry, say};
//!
//! entry!(main);
//!
//! fn main(machine: &'static Machine) -> ExitCode {
//!     say(format_args!("{} cores", machine.cores()));
//!     ExitCode::SUCCESS
//! }
//! ```
//!
//! With the feature `alloc`, and a global allocator of its choice (see [`Machine::take_memory`]), it builds a runtime on the
//! platform [`BareMetal`].
//!
//! # How a machine is used
//!
//! Everything runs at EL1; a core that starts at EL2 drops, one at EL3 is refused. The device tree says where RAM, cores,
//! interrupt controller (GICv2 or GICv3), UART (PL011) and firmware (PSCI) are. Code is read-only, data is not executed, and
//! below each stack is a guard. Idle cores sleep; there is no tick.
//!
//! # How a program ends
//!
//! By what `main` returns, or by a message on the UART that names core, coroutine and spawn site, and an exit code that is not
//! 0 ([`ExitCode`]). The last line is `kcoro: exit CODE`.
#![no_std]
#![cfg_attr(
    not(all(target_os = "none", target_arch = "aarch64")),
    allow(rustdoc::broken_intra_doc_links, reason = "elsewhere only what computes is built, for its tests")
)]

#[cfg(test)]
extern crate std;

/// How many cores a program uses at most: a GICv2 serves no more. Of a machine with more the rest stay off.
pub const MAX_CORES: usize = 8;

pub mod hal;

/// What only computes: it is tested where the tests run.
macro_rules! also_in_tests {
    ($($item:item)*) => {
        $(#[cfg(any(test, all(target_os = "none", target_arch = "aarch64")))] $item)*
    };
}

also_in_tests! {
    mod layout;
    mod received;
    mod records;
    mod runs;
    mod table;
    mod timer;
    mod tree;
}

/// What needs the machine itself.
macro_rules! on_the_machine {
    ($($item:item)*) => {
        $(#[cfg(all(target_os = "none", target_arch = "aarch64"))] $item)*
    };
}

on_the_machine! {
    mod ambient;
    mod backend;
    mod boot;
    mod console;
    mod cores;
    #[cfg(feature = "critical-section")]
    mod critical;
    mod debugger;
    mod doorbells;
    mod exceptions;
    mod exit;
    mod gic;
    mod interrupts;
    mod log;
    mod machine;
    mod masked;
    mod paging;
    mod panic;
    mod psci;
    mod stacks;
    mod uart;
    mod vectors;
    #[cfg(feature = "virtio")]
    mod virtio;
    mod work;

    pub use backend::BareMetal;
    pub use console::{Console, say};
    pub use doorbells::Doorbell;
    pub use exit::ExitCode;
    pub use gic::Trigger;
    pub use interrupts::handlers::AttachError;
    pub use log::{drain_log, log};
    pub use machine::{CoreCounts, Machine, current_core};
    pub use received::LineError;
    pub use uart::{Uart, UartError};
    #[cfg(feature = "virtio")]
    pub use virtio::{Disk, DiskError, OpenDiskError};
}

pub use kcoro_core::*;

/// Makes a function the program's `main`: a `fn(&'static Machine) -> ExitCode`. It begins on core 0, on a stack of 252 KiB.
///
/// The program ends when it returns. Use it once; without it, or with two, the linker names `_kcoro_baremetal_1_main`.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        const _: () = {
            #[unsafe(no_mangle)]
            fn _kcoro_baremetal_1_main(machine: &'static $crate::Machine) -> $crate::ExitCode {
                $main(machine)
            }
        };
    };
}
