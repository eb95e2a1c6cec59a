// SPDX-License-Identifier: BSD-3-Clause
//! Memory as all cores see it: every address maps to itself, with what may be done there.
//!
//! | range | as | in |
//! |---|---|---|
//! | registers of GIC and UART | device | blocks |
//! | RAM below the image, where the device tree is | read only | blocks and pages |
//! | code, constants, data of the image | read and execute; read; read and write | pages |
//! | guards in the image | nothing | pages |
//! | coroutine stacks | read and write; guards nothing | pages |
//! | the rest of RAM | read and write | blocks |
#![expect(unsafe_code, reason = "writes the tables that all cores run on")]

use core::arch::asm;
use core::cell::UnsafeCell;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::boot::start::kcoro_enable_mmu;
use crate::cores;
use crate::layout::Layout;
use crate::table::{self, ADDRESS_BITS, DoesNotFit, Kind, Largest, PAGE_BYTES, Table, Tables};
use crate::tree::Board;

/// A root, up to three for gigabytes that are not RAM throughout, and what pages need: 2 MiB each.
const TABLES: usize = 32;

#[repr(transparent)]
pub(crate) struct Pool(UnsafeCell<[Table; TABLES]>);

// SAFETY: written by the boot core while it is alone; afterwards single entries are changed by atomic stores.
unsafe impl Sync for Pool {}

/// The tables; the first is the root.
pub(crate) static ROOT: Pool = Pool(UnsafeCell::new([const { Table::EMPTY }; TABLES]));

/// Tables of 4 KiB for the lower half only; walks are cached and shared like the memory itself.
pub(crate) const TCR: u64 = (64 - ADDRESS_BITS as u64) | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23;
/// What is 1 where a feature is not there.
pub(crate) const SCTLR_OFF: u64 = 0x30d0_0800;
/// MMU, data and instruction caches; the stack pointer's alignment is checked; nothing that can be written is executed.
pub(crate) const SCTLR: u64 = SCTLR_OFF | 1 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19;

/// Fills the tables and turns the MMU and the caches on.
///
/// # Safety
///
/// Called once, by the boot core, while no other core runs and its own MMU is off; `layout` says where all that is in
/// use lies.
pub(crate) unsafe fn start(board: &Board, layout: &Layout) -> Result<(), DoesNotFit> {
    // SAFETY: nobody else runs, and the hardware does not look yet.
    let mut tables = Tables::new(unsafe { &mut *ROOT.0.get() });
    for registers in board.registers() {
        tables.map(to_blocks(registers), Kind::Device, Largest::Block)?;
    }
    tables.map(board.memory.start..layout.image.start, Kind::ReadOnly, Largest::Block)?;
    tables.map(layout.text.clone(), Kind::Text, Largest::Page)?;
    tables.map(layout.constants.clone(), Kind::ReadOnly, Largest::Page)?;
    tables.map(layout.data.clone(), Kind::Data, Largest::Page)?;
    tables.map(layout.stacks.clone(), Kind::Data, Largest::Page)?;
    tables.map(layout.free.clone(), Kind::Data, Largest::Block)?;
    for guard in cores::guards() {
        tables.unmap_page(guard.start as u64)?;
    }
    forget_cached(&(layout.image.start..layout.image.end));
    // SAFETY: all that is in use is mapped where it is, and the caches hold nothing old of it.
    unsafe { kcoro_enable_mmu() };
    Ok(())
}

/// Whole blocks around `range`: devices share theirs with devices only. Two of one block are mapped alike.
fn to_blocks(range: Range<u64>) -> Range<u64> {
    const BLOCK: u64 = 2 << 20;
    range.start & !(BLOCK - 1)..range.end.next_multiple_of(BLOCK)
}

/// What was written with the caches off is in memory; what caches hold of it is older.
fn forget_cached(range: &Range<u64>) {
    let type_word: u64;
    // SAFETY: copies a register.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) type_word, options(nomem, nostack, preserves_flags)) };
    let line_bytes = 4u64 << (type_word >> 16 & 0xf);
    for line in (range.start..range.end).step_by(line_bytes as usize) {
        // SAFETY: the range is the program's own, and nothing of it has been written through a cache.
        unsafe { asm!("dc ivac, {}", in(reg) line, options(nostack, preserves_flags)) };
    }
    // SAFETY: waits for the above.
    unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
}

/// Whether this core's MMU is on: without, there are no atomics.
pub(crate) fn is_on() -> bool {
    let control: u64;
    // SAFETY: copies a register.
    unsafe { asm!("mrs {}, sctlr_el1", out(reg) control, options(nomem, nostack, preserves_flags)) };
    control & 1 != 0
}

/// Makes the page at `address` a guard: whoever touches it, on any core, takes a data abort.
///
/// # Safety
///
/// The page is one of those for stacks, and nobody uses it.
pub(crate) unsafe fn guard(address: usize) {
    entry(address).store(0, Ordering::Relaxed);
    // SAFETY: makes the change visible to the walkers of all cores, and what they remember forgotten.
    unsafe {
        asm!(
            "dsb ishst",
            "tlbi vaae1is, {page}",
            "dsb ish",
            "isb",
            page = in(reg) address as u64 / PAGE_BYTES,
            options(nostack, preserves_flags),
        );
    }
}

/// Makes a guard ordinary memory again.
///
/// # Safety
///
/// As [`guard`].
pub(crate) unsafe fn unguard(address: usize) {
    entry(address).store(table::page(address as u64, Kind::Data), Ordering::Relaxed);
    // SAFETY: makes the change visible before the page is used. An entry that was invalid is in no TLB.
    unsafe { asm!("dsb ishst", "isb", options(nostack, preserves_flags)) };
}

/// Whether the page of `address` is a guard. Any address may be asked about.
pub(crate) fn is_guard(address: usize) -> bool {
    try_entry(address).is_some_and(|entry| entry.load(Ordering::Relaxed) == 0)
}

fn entry(address: usize) -> &'static AtomicU64 {
    try_entry(address).expect("stacks are mapped as pages")
}

fn try_entry(address: usize) -> Option<&'static AtomicU64> {
    // SAFETY: what is walked are tables of `ROOT`, whose words are only read and stored as atomics from now on.
    let read = |word: u64| unsafe { (*(word as *const AtomicU64)).load(Ordering::Relaxed) };
    let place = table::page_entry_address((&raw const ROOT).addr() as u64, address as u64, read)?;
    // SAFETY: as above.
    Some(unsafe { &*(place as *const AtomicU64) })
}
