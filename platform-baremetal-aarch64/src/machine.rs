// SPDX-License-Identifier: BSD-3-Clause
//! [`Machine`]: what a program's `main` is given.
#![expect(unsafe_code, reason = "hands out memory that nobody uses")]

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;

use spin::Mutex;

use crate::cores::CORES;
use crate::tree::Arguments;

/// The machine that the program runs on.
#[derive(Debug)]
pub struct Machine {
    pub(crate) cores: usize,
    pub(crate) listed_cores: usize,
    pub(crate) uart_interrupt: Option<u32>,
    /// What is left of RAM, from here to there.
    pub(crate) free: Mutex<(usize, usize)>,
    pub(crate) arguments: Arguments,
    #[cfg(feature = "virtio")]
    pub(crate) virtio: crate::tree::Slots,
}

/// What a core has done when it had nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoreCounts {
    /// How often it has slept.
    pub sleeps: usize,
    /// How many of the sleeps its timer has ended. There is no tick.
    pub timer: usize,
    /// How often another core has interrupted it to wake it.
    pub wakes: usize,
    /// How many interrupts had gone when the core looked for them.
    pub spurious: usize,
}

impl Machine {
    /// How many cores the program can use: those of the device tree, at most [`MAX_CORES`](crate::MAX_CORES).
    pub fn cores(&self) -> usize {
        self.cores
    }

    /// How many cores the device tree lists. Those that are not used stay off.
    pub fn listed_cores(&self) -> usize {
        self.listed_cores
    }

    /// What the program was told from outside: `bootargs` of the device tree's node `chosen`, which QEMU fills with what follows
    /// `-append`. Empty if there is none.
    pub fn arguments(&self) -> &str {
        self.arguments.as_str()
    }

    /// The number after `name=` among the [`Machine::arguments`], which are words.
    ///
    /// # Panics
    ///
    /// When it is no number, so that nobody takes a default for what was asked for.
    pub fn argument(&self, name: &str) -> Option<usize> {
        let mut words = self.arguments().split_whitespace();
        let value = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.parse().unwrap_or_else(|_| panic!("the argument {name} is a number, not `{value}`")))
    }

    /// Takes `size_bytes` of RAM, aligned to 4 KiB, for good: for an allocator, for buffers. `None` if less is left.
    pub fn take_memory(&self, size_bytes: usize) -> Option<&'static mut [MaybeUninit<u8>]> {
        const PAGE: usize = 4096;
        let mut free = self.free.lock();
        let size_bytes = size_bytes.checked_next_multiple_of(PAGE)?;
        if free.1 - free.0 < size_bytes {
            return None;
        }
        let start = free.0 as *mut MaybeUninit<u8>;
        free.0 += size_bytes;
        // SAFETY: RAM that is mapped for data and that nobody else has been given.
        Some(unsafe { core::slice::from_raw_parts_mut(start, size_bytes) })
    }

    /// How much RAM is left.
    pub fn free_bytes(&self) -> usize {
        let free = self.free.lock();
        free.1 - free.0
    }

    /// The counts of core `index` since the machine started.
    ///
    /// # Panics
    ///
    /// When the program does not use that core.
    pub fn counts(&self, index: usize) -> CoreCounts {
        assert!(index < self.cores, "core {index} of {}", self.cores);
        let counts = &CORES[index].counts;
        CoreCounts {
            sleeps: counts.sleeps.load(Ordering::Relaxed),
            timer: counts.timer.load(Ordering::Relaxed),
            wakes: counts.wakes.load(Ordering::Relaxed),
            spurious: counts.spurious.load(Ordering::Relaxed),
        }
    }
}

/// The number of the calling core, below [`Machine::cores`]. The one that `main` began on is 0.
pub fn current_core() -> usize {
    crate::cores::Core::current().index
}
