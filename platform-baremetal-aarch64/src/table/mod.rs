// SPDX-License-Identifier: BSD-3-Clause
//! Translation tables of the 4 KiB granule for 39 bits of address: what to write into them. Knows no system register, so it
//! is tested on any machine.
//!
//! Addresses stay what they are: each maps to itself.

use core::ops::Range;

const ENTRIES: usize = 512;
pub(crate) const PAGE_BYTES: u64 = 4096;
/// How much one entry covers, by level: 1 GiB, 2 MiB, 4 KiB. The first level of a full table is not needed.
const SHIFTS: [u32; 3] = [30, 21, 12];
const LAST: usize = SHIFTS.len() - 1;
pub(crate) const ADDRESS_BITS: u32 = 39;
/// How much may be mapped as pages for stacks: there are tables for so much.
pub(crate) const MAX_STACK_BYTES: u64 = 32 << 20;

const VALID: u64 = 1;
/// An entry that is no block: a table, or at the last level a page.
const TABLE_OR_PAGE: u64 = 1 << 1;
const READ_ONLY: u64 = 1 << 7;
const INNER_SHAREABLE: u64 = 3 << 8;
const ACCESSED: u64 = 1 << 10;
const NEVER_EXECUTE_PRIVILEGED: u64 = 1 << 53;
const NEVER_EXECUTE_UNPRIVILEGED: u64 = 1 << 54;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

/// Which byte of MAIR_EL1 says what the memory is.
const DEVICE: u64 = 0;
const NORMAL: u64 = 1 << 2;
/// Byte 0: device, no gathering, no reordering. Byte 1: cached, write-back.
pub(crate) const MAIR: u64 = 0xff00 | 0x04;

/// A table as the hardware reads it.
#[repr(C, align(4096))]
pub(crate) struct Table([u64; ENTRIES]);

impl Table {
    pub(crate) const EMPTY: Self = Self([0; ENTRIES]);
}

/// What may be done with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Read and executed.
    Text,
    /// Read.
    ReadOnly,
    /// Read and written.
    Data,
    /// Registers.
    Device,
}

impl Kind {
    fn bits(self) -> u64 {
        const DATA: u64 = VALID | ACCESSED | NEVER_EXECUTE_UNPRIVILEGED | NEVER_EXECUTE_PRIVILEGED;
        match self {
            Self::Text => VALID | ACCESSED | NEVER_EXECUTE_UNPRIVILEGED | READ_ONLY | INNER_SHAREABLE | NORMAL,
            Self::ReadOnly => DATA | READ_ONLY | INNER_SHAREABLE | NORMAL,
            Self::Data => DATA | INNER_SHAREABLE | NORMAL,
            Self::Device => DATA | DEVICE,
        }
    }
}

/// The entry that maps the page at `address`.
pub(crate) fn page(address: u64, kind: Kind) -> u64 {
    address | kind.bits() | TABLE_OR_PAGE
}

/// There are more ranges than the tables can hold, or one is out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DoesNotFit;

/// Tables that are being filled. The first is the root; the others are taken as they are needed.
pub(crate) struct Tables<'a> {
    pool: &'a mut [Table],
    used: usize,
}

impl<'a> Tables<'a> {
    /// Begins with empty tables, of which there is at least one.
    pub(crate) fn new(pool: &'a mut [Table]) -> Self {
        Self { pool, used: 1 }
    }

    /// Maps `range`, whose ends are multiples of a page, with the largest entries that fit, or as pages where single ones
    /// must be changed later.
    pub(crate) fn map(&mut self, range: Range<u64>, kind: Kind, largest: Largest) -> Result<(), DoesNotFit> {
        if range.end > 1 << ADDRESS_BITS {
            return Err(DoesNotFit);
        }
        let first = match largest {
            Largest::Block => 0,
            Largest::Page => LAST,
        };
        let mut at = range.start;
        while at < range.end {
            let fits = |level: &usize| {
                let bytes = 1u64 << SHIFTS[*level];
                at.is_multiple_of(bytes) && range.end - at >= bytes
            };
            let level = (first..LAST).find(fits).unwrap_or(LAST);
            let is_page = if level == LAST { TABLE_OR_PAGE } else { 0 };
            *self.entry(at, level)? = at | kind.bits() | is_page;
            at += 1 << SHIFTS[level];
        }
        Ok(())
    }

    /// Takes the page at `address`, which was mapped as a page, out.
    pub(crate) fn unmap_page(&mut self, address: u64) -> Result<(), DoesNotFit> {
        *self.entry(address, LAST)? = 0;
        Ok(())
    }

    /// The entry of `address` at `level`, with all tables on the way to it.
    fn entry(&mut self, address: u64, level: usize) -> Result<&mut u64, DoesNotFit> {
        let mut table = 0;
        for shift in &SHIFTS[..level] {
            let index = index(address, *shift);
            let entry = self.pool[table].0[index];
            table = match entry & (VALID | TABLE_OR_PAGE) {
                0 => self.add_table(table, index)?,
                entry_kind if entry_kind == VALID | TABLE_OR_PAGE => self.index_of(entry & ADDRESS),
                // A block covers it already.
                _ => return Err(DoesNotFit),
            };
        }
        Ok(&mut self.pool[table].0[index(address, SHIFTS[level])])
    }

    fn add_table(&mut self, parent: usize, index: usize) -> Result<usize, DoesNotFit> {
        let new = self.used;
        let address = core::ptr::from_ref(self.pool.get(new).ok_or(DoesNotFit)?).addr() as u64;
        self.pool[parent].0[index] = address | VALID | TABLE_OR_PAGE;
        self.used += 1;
        Ok(new)
    }

    fn index_of(&self, address: u64) -> usize {
        (address as usize - self.pool.as_ptr().addr()) / size_of::<Table>()
    }
}

/// How large entries may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Largest {
    Block,
    Page,
}

fn index(address: u64, shift: u32) -> usize {
    (address >> shift) as usize % ENTRIES
}

/// The steps from the root to the entry of a page: what `next` gives for an address is the table there.
pub(crate) fn page_entry_address(root: u64, address: u64, read: impl Fn(u64) -> u64) -> Option<u64> {
    let mut table = root;
    for shift in &SHIFTS[..LAST] {
        let entry = read(table + index(address, *shift) as u64 * 8);
        if entry & (VALID | TABLE_OR_PAGE) != VALID | TABLE_OR_PAGE {
            return None;
        }
        table = entry & ADDRESS;
    }
    Some(table + index(address, SHIFTS[LAST]) as u64 * 8)
}

#[cfg(test)]
mod tests;
