// SPDX-License-Identifier: BSD-3-Clause
//! What each core has of its own: stacks, a record that its `TPIDR_EL1` points to, a place to sleep.
//!
//! ```text
//!  a core's block of stacks, from low to high
//!    guard            4 KiB
//!    emergency        8 KiB   for faults inside of handlers
//!    guard            4 KiB
//!    exception stack 16 KiB   SP_EL1: the upper half of 32 KiB that are aligned, so that bit 14 says "inside"
//!    guard            4 KiB
//!    base stack     252 KiB   SP_EL0: what runs on the core outside of coroutines; `main` builds runtimes there
//! ```
//!
//! # Who may touch what
//!
//! `sleep`, `work` and the counters are atomics, for everyone. `masks` and `flags_before` belong to the core itself.
#![expect(unsafe_code, reason = "memory for stacks, and a pointer in a system register")]

use core::arch::asm;
use core::cell::{Cell, UnsafeCell};
use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::work::Work;
use crate::{MAX_CORES, gic, timer};

pub(crate) const BLOCK_BYTES: usize = 0x4_8000;
const EMERGENCY: Range<usize> = 0x1000..0x3000;
pub(crate) const EXCEPTION_TOP: usize = 0x8000;
pub(crate) const EXCEPTION_STACK_BIT: u32 = 14;
pub(crate) const BASE_TOP: usize = BLOCK_BYTES;
const GUARD_BYTES: usize = 0x1000;
/// Where in a block the guards begin, and of what.
const GUARDS: [(usize, &str); 3] = [(0, "emergency stack"), (0x3000, "exception stack"), (0x8000, "base stack")];

/// All blocks.
#[repr(C, align(0x8000))]
pub(crate) struct Memory(UnsafeCell<[[u8; BLOCK_BYTES]; MAX_CORES]>);

// SAFETY: each block is the stacks of one core, reached through that core's stack pointers only.
unsafe impl Sync for Memory {}

/// Not zeroed at boot: nobody reads what it has not written.
#[unsafe(link_section = ".bss.kcoro.stacks")]
pub(crate) static MEMORY: Memory = Memory(UnsafeCell::new([[0; BLOCK_BYTES]; MAX_CORES]));

/// See the [module](self). The vectors and the first instructions know this layout.
#[repr(C, align(64))]
pub(crate) struct Core {
    pub(crate) emergency_top: *const u8,
    pub(crate) index: usize,
    /// The core's place in the machine, as MPIDR_EL1 says it.
    pub(crate) affinity: AtomicU64,
    sleep: AtomicU32,
    /// How many masks are in force, and what DAIF was before the first.
    masks: Cell<usize>,
    flags_before: Cell<u64>,
    pub(crate) work: Work,
    pub(crate) counts: Counts,
}

// SAFETY: see "Who may touch what"; `emergency_top` is a number that never changes.
unsafe impl Sync for Core {}

/// See [`CoreCounts`](crate::CoreCounts).
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sleeps: AtomicUsize,
    pub(crate) timer: AtomicUsize,
    pub(crate) wakes: AtomicUsize,
    pub(crate) spurious: AtomicUsize,
}

pub(crate) static CORES: [Core; MAX_CORES] = {
    let mut cores = [const { Core::new(0) }; MAX_CORES];
    let mut index = 1;
    while index < MAX_CORES {
        cores[index] = Core::new(index);
        index += 1;
    }
    cores
};

/// Runs.
const AWAKE: u32 = 0;
/// Runs, and has been woken: the next sleep ends at once.
const WOKEN: u32 = 1;
/// Sleeps, or is about to with its interrupts masked.
const ASLEEP: u32 = 2;

impl Core {
    const fn new(index: usize) -> Self {
        // SAFETY: an address inside of the block.
        let emergency_top = unsafe { (&raw const MEMORY).cast::<u8>().add(index * BLOCK_BYTES + EMERGENCY.end) };
        Self {
            emergency_top,
            index,
            affinity: AtomicU64::new(0),
            sleep: AtomicU32::new(AWAKE),
            masks: Cell::new(0),
            flags_before: Cell::new(0),
            work: Work::new(),
            counts: Counts {
                sleeps: AtomicUsize::new(0),
                timer: AtomicUsize::new(0),
                wakes: AtomicUsize::new(0),
                spurious: AtomicUsize::new(0),
            },
        }
    }

    /// The calling core.
    #[inline]
    pub(crate) fn current() -> &'static Core {
        let core: *const Core;
        // SAFETY: copies a register. Not `pure`: a coroutine that migrates must read it again.
        unsafe { asm!("mrs {}, tpidr_el1", out(reg) core, options(nomem, nostack, preserves_flags)) };
        // SAFETY: each core's first instructions have made it point to its element of `CORES`.
        unsafe { &*core }
    }

    /// Masks the core's interrupts. Calls nest: as many [`Core::unmask`] put back what was before the first.
    #[inline]
    pub(crate) fn mask(&self) {
        let flags: u64;
        // SAFETY: masking interrupts breaks no promise. Not `nomem`: what is guarded stays after it.
        unsafe { asm!("mrs {}, daif", "msr DAIFSet, #2", out(reg) flags, options(nostack, preserves_flags)) };
        let masks = self.masks.get();
        if masks == 0 {
            self.flags_before.set(flags);
        }
        self.masks.set(masks + 1);
    }

    /// Takes one [`Core::mask`] back.
    #[inline]
    pub(crate) fn unmask(&self) {
        let masks = self.masks.get() - 1;
        self.masks.set(masks);
        if masks == 0 {
            let flags = self.flags_before.get();
            // SAFETY: what was in force before. Not `nomem`: what was guarded stays before it.
            unsafe { asm!("msr daif, {}", in(reg) flags, options(nostack, preserves_flags)) };
        }
    }

    /// Whether a [`Core::mask`] is in force.
    #[inline]
    pub(crate) fn is_masked(&self) -> bool {
        self.masks.get() != 0
    }

    /// Sleeps until the next [`Core::wake`], until `deadline_ns`, or until some interrupt. For the core itself.
    ///
    /// No wake is lost. One that comes before `ASLEEP` is set makes it fail; one that comes after sends an interrupt,
    /// which stays pending while it is masked, and with one pending WFI does not wait.
    pub(crate) fn sleep(&self, deadline_ns: Option<u64>) {
        self.mask();
        // Acquire, here and below: what was before the wake is visible after the sleep.
        if self.sleep.compare_exchange(AWAKE, ASLEEP, Ordering::Acquire, Ordering::Acquire).is_ok() {
            if let Some(deadline_ns) = deadline_ns {
                timer::arm(deadline_ns);
            }
            // SAFETY: waits for an interrupt; `dsb` because what was stored may be what somebody waits for.
            unsafe { asm!("dsb ish", "wfi", options(nostack, preserves_flags)) };
            add_one(&self.counts.sleeps);
            // The interrupt that has ended the sleep is gone with that: there is nothing for a handler to do.
            if timer::disarm() {
                add_one(&self.counts.timer);
            }
        }
        // What is pending is handled here.
        self.unmask();
        self.sleep.swap(AWAKE, Ordering::Acquire);
    }

    /// Ends the core's current or next [`Core::sleep`].
    pub(crate) fn wake(&self) {
        // Release: see `sleep`.
        if self.sleep.swap(WOKEN, Ordering::Release) == ASLEEP {
            // Also to the own core, from a handler: the sleep that it interrupts is over anyway then.
            gic::get().send(self, gic::WAKE);
        }
    }

    /// Whether `address` lies in a guard of this core's stacks, and of which.
    fn guard_at(&self, address: usize) -> Option<&'static str> {
        let offset = address.checked_sub((&raw const MEMORY).addr() + self.index * BLOCK_BYTES)?;
        GUARDS.iter().find(|(start, _)| (*start..start + GUARD_BYTES).contains(&offset)).map(|(_, name)| *name)
    }
}

/// Counts, for the core whose counter it is.
pub(crate) fn add_one(counter: &AtomicUsize) {
    // Relaxed: a number to look at. Only its core adds to it.
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// The addresses of all guards.
pub(crate) fn guards() -> impl Iterator<Item = Range<usize>> {
    let blocks = (0..MAX_CORES).map(|index| (&raw const MEMORY).addr() + index * BLOCK_BYTES);
    blocks.flat_map(|block| GUARDS.iter().map(move |(start, _)| block + start..block + start + GUARD_BYTES))
}

/// Whose stack's guard holds `address`.
pub(crate) fn guard_hit(address: usize) -> Option<(usize, &'static str)> {
    CORES.iter().find_map(|core| Some((core.index, core.guard_at(address)?)))
}
