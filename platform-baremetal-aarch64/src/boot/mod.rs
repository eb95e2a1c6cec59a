// SPDX-License-Identifier: BSD-3-Clause
//! From the first Rust function of a core to the program's `main`, or to the first worker of another core.
#![expect(unsafe_code, reason = "turns the machine on, part by part")]

mod early;
pub(crate) mod once;
pub(crate) mod start;

use core::arch::asm;
use core::ptr;
use core::sync::atomic::Ordering;

use spin::Mutex;

use self::once::BootCell;
use self::start::kcoro_other_core;
use crate::cores::{CORES, Core};
use crate::exit::{self, ExitCode, die};
use crate::layout::{Image, Layout};
use crate::machine::Machine;
use crate::psci::{self, Refused};
use crate::tree::{self, Board, Conduit, TreeError};
use crate::uart::pl011::Pl011;
use crate::{MAX_CORES, console, gic, paging, stacks, timer, uart};

/// Where QEMU's `virt` has RAM. For a program that is an ELF file it puts the device tree there and says so nowhere.
const RAM_OF_VIRT: usize = 0x4000_0000;

static MACHINE: BootCell<Machine> = BootCell::new();
static CONDUIT: BootCell<Option<Conduit>> = BootCell::new();

unsafe extern "Rust" {
    /// The program's `main`, by [`entry!`](crate::entry).
    safe fn _kcoro_baremetal_1_main(machine: &'static Machine) -> ExitCode;
}

unsafe extern "C" {
    static __kcoro_image_start: u8;
    static __kcoro_text_end: u8;
    static __kcoro_rodata_end: u8;
    static __kcoro_image_end: u8;
}

/// The boot core comes here with its MMU and its caches off.
pub(crate) extern "C" fn boot(tree_address: usize) -> ! {
    if timer::frequency_hz() == 0 {
        refuse(format_args!("the firmware has not said how fast the counter is: CNTFRQ_EL0 is 0"));
    }
    let (image, affinity) = (image(), affinity());
    let tree = find_tree(tree_address);
    let board = tree.and_then(|tree| Board::parse(tree, image.start, affinity));
    let board = board.unwrap_or_else(|why| refuse(format_args!("{why}")));
    Pl011::start(board.uart.start);
    let layout = Layout::new(image, board.memory.clone()).unwrap_or_else(|why| refuse(format_args!("{why}")));
    // SAFETY: this is the boot core, alone, and the layout holds all that is in use.
    unsafe { paging::start(&board, &layout) }
        .unwrap_or_else(|_| refuse(format_args!("the memory of this machine needs more translation tables than there are")));
    set_up(&board, &layout);
    let code = _kcoro_baremetal_1_main(MACHINE.get());
    uart::finish();
    console::take_over();
    exit::exit(code)
}

/// What comes when there are caches and atomics.
fn set_up(board: &Board, layout: &Layout) {
    CORES.iter().zip(board.cores()).for_each(|(core, affinity)| core.affinity.store(*affinity, Ordering::Relaxed));
    CONDUIT.set(board.psci);
    // Without a firmware that turns them on the other cores stay off.
    let cores = if board.psci.is_some() { board.cores().len() } else { 1 };
    MACHINE.set(Machine {
        cores,
        listed_cores: board.listed_cores,
        uart_interrupt: board.uart_interrupt,
        free: Mutex::new((layout.free.start as usize, layout.free.end as usize)),
        arguments: board.arguments.clone(),
        #[cfg(feature = "virtio")]
        virtio: board.virtio.clone(),
    });
    stacks::start(&layout.stacks);
    gic::start(board);
    start_interrupts();
    if board.listed_cores > MAX_CORES {
        console::say(format_args!("kcoro: {} cores, of which {MAX_CORES} are used", board.listed_cores));
    }
}

/// Lets the calling core be interrupted.
fn start_interrupts() {
    let core = Core::current();
    if gic::get().start_core(core).is_err() {
        refuse(format_args!("the interrupt controller has no redistributor for core {}", core.index));
    }
    // SAFETY: all that handlers use is set up. System errors are let in, too: they are reported.
    unsafe { asm!("msr DAIFClr, #6", options(nostack, preserves_flags)) };
}

/// Another core comes here, with the same memory, and stays.
pub(crate) extern "C" fn other_core(_index: usize) -> ! {
    start_interrupts();
    let core = Core::current();
    loop {
        match core.work.take() {
            Some(entry) => {
                entry.run();
                core.work.done();
            }
            None => core.sleep(None),
        }
    }
}

/// Turns `core`, which the caller has reserved, on if it is off.
pub(crate) fn turn_on(core: &Core) -> Result<(), Refused> {
    // Only who has reserved the core comes here.
    if !core.work.started.load(Ordering::Relaxed) {
        let conduit = conduit().expect("without a firmware there is one core");
        let affinity = core.affinity.load(Ordering::Relaxed);
        let entry = kcoro_other_core as *const () as usize;
        // SAFETY: the function is where a core starts, and expects its index.
        unsafe { psci::core_on(conduit, affinity, entry, core.index) }?;
        core.work.started.store(true, Ordering::Relaxed);
    }
    Ok(())
}

pub(crate) fn conduit() -> Option<Conduit> {
    CONDUIT.try_get().copied().flatten()
}

pub(crate) fn core_count() -> usize {
    MACHINE.get().cores
}

#[cfg(feature = "virtio")]
pub(crate) fn machine() -> &'static Machine {
    MACHINE.get()
}

pub(crate) extern "C" fn refuse_el3() -> ! {
    refuse(format_args!("this core is at EL3; start it at EL2 or EL1, without a secure world to set up"))
}

fn refuse(why: core::fmt::Arguments<'_>) -> ! {
    die(ExitCode::FATAL, format_args!("kcoro: cannot start: {why}"))
}

fn image() -> Image {
    let [start, text_end, constants_end, end] = [
        &raw const __kcoro_image_start,
        &raw const __kcoro_text_end,
        &raw const __kcoro_rodata_end,
        &raw const __kcoro_image_end,
    ]
    .map(|symbol| symbol.addr() as u64);
    Image { start, text_end, constants_end, end }
}

/// The calling core's place in the machine, as the device tree and the firmware write it.
fn affinity() -> u64 {
    const FIELDS: u64 = 0xff_00ff_ffff;
    let word: u64;
    // SAFETY: copies a register.
    unsafe { asm!("mrs {}, mpidr_el1", out(reg) word, options(nomem, nostack, preserves_flags)) };
    word & FIELDS
}

/// Where the firmware says that it is, or where QEMU puts it for a program that it takes for no kernel.
fn find_tree(address: usize) -> Result<&'static [u8], TreeError> {
    [address, RAM_OF_VIRT].into_iter().filter(|address| *address != 0).find_map(tree_at).ok_or(TreeError::Missing)
}

fn tree_at(address: usize) -> Option<&'static [u8]> {
    let tree = ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: the firmware says that it is there, or it is RAM; bytes are read that nobody writes any more. Where there is nothing
    // to read, the fault is reported.
    let header = unsafe { tree.cast::<[u8; 8]>().read_volatile() };
    let size_bytes = tree::size_bytes(header)?;
    // SAFETY: as above; the tree says how long it is.
    Some(unsafe { core::slice::from_raw_parts(tree, size_bytes) })
}
