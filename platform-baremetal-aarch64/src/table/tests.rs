// SPDX-License-Identifier: BSD-3-Clause
//! What the hardware would find in the tables.

use std::boxed::Box;
use std::vec::Vec;

use super::*;

/// Tables that stay where they are.
fn pool(tables: usize) -> Box<[Table]> {
    (0..tables).map(|_| Table::EMPTY).collect::<Vec<_>>().into()
}

/// Walks as the hardware does: what the entry says that covers `address`.
fn look_up(pool: &[Table], address: u64) -> Option<u64> {
    let mut table = &pool[0];
    for (level, shift) in SHIFTS.iter().enumerate() {
        let entry = table.0[index(address, *shift)];
        match entry & (VALID | TABLE_OR_PAGE) {
            0b11 if level < LAST => {
                let at = ((entry & ADDRESS) as usize - pool.as_ptr().addr()) / size_of::<Table>();
                table = &pool[at];
            }
            0b11 => return (entry & ADDRESS == address & !(PAGE_BYTES - 1)).then_some(entry),
            0b01 if level < LAST => return (entry & ADDRESS == address >> shift << shift).then_some(entry),
            _ => return None,
        }
    }
    None
}

#[test]
fn every_address_of_a_range_maps_to_itself_and_its_neighbours_do_not() {
    let mut pool = pool(8);
    let range = 0x4020_1000..0x4060_3000;
    Tables::new(&mut pool).map(range.clone(), Kind::Data, Largest::Block).unwrap();
    for page in range.clone().step_by(4096) {
        assert_eq!(look_up(&pool, page).unwrap() & !ADDRESS & !0b10, Kind::Data.bits(), "{page:#x}");
    }
    assert_eq!(look_up(&pool, range.start - 1), None);
    assert_eq!(look_up(&pool, range.end), None);
}

#[test]
fn large_entries_are_used_where_they_fit_unless_pages_are_asked_for() {
    let mut blocks = pool(4);
    let mut tables = Tables::new(&mut blocks);
    tables.map(0x4000_0000..0x8000_0000, Kind::Data, Largest::Block).unwrap();
    tables.map(0x8000_0000..0x8040_0000, Kind::Data, Largest::Block).unwrap();
    assert_eq!(tables.used, 2, "a table for the blocks of 2 MiB");
    let mut pages = pool(4);
    let mut tables = Tables::new(&mut pages);
    tables.map(0x8000_0000..0x8040_0000, Kind::Data, Largest::Page).unwrap();
    assert_eq!(tables.used, 4, "a table between, and two of pages");
}

#[test]
fn a_page_can_be_taken_out_and_found_again() {
    let mut pool = pool(4);
    let root = pool.as_ptr().addr() as u64;
    let mut tables = Tables::new(&mut pool);
    tables.map(0x4020_0000..0x4021_0000, Kind::Data, Largest::Page).unwrap();
    tables.unmap_page(0x4020_3000).unwrap();
    assert_eq!(look_up(&pool, 0x4020_3000), None);
    assert!(look_up(&pool, 0x4020_2000).is_some() && look_up(&pool, 0x4020_4000).is_some());
    let words = |address: u64| {
        let offset = (address - root) as usize;
        pool[offset / 4096].0[offset % 4096 / 8]
    };
    let place = page_entry_address(root, 0x4020_3000, words).unwrap();
    assert_eq!(words(place), 0);
    assert_eq!(words(place + 8), page(0x4020_4000, Kind::Data));
    assert_eq!(page_entry_address(root, 0x1_0000_0000, words), None);
}

#[test]
fn only_registers_are_a_device() {
    for kind in [Kind::Text, Kind::ReadOnly, Kind::Data, Kind::Device] {
        let attribute = MAIR >> (8 * (kind.bits() >> 2 & 7)) & 0xff;
        assert_eq!(attribute, if kind == Kind::Device { 0x04 } else { 0xff }, "{kind:?}");
    }
}

#[test]
fn nothing_that_can_be_written_can_be_executed() {
    for kind in [Kind::Text, Kind::ReadOnly, Kind::Data, Kind::Device] {
        let (bits, never) = (kind.bits(), NEVER_EXECUTE_PRIVILEGED);
        assert_eq!(bits & never == 0, kind == Kind::Text);
        assert_eq!(bits & READ_ONLY == 0, matches!(kind, Kind::Data | Kind::Device));
        assert_ne!(bits & NEVER_EXECUTE_UNPRIVILEGED, 0);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut pool = pool(2);
    let mut tables = Tables::new(&mut pool);
    assert_eq!(tables.map(0x1000..0x2000, Kind::Data, Largest::Block), Err(DoesNotFit), "two tables are missing");
    let beyond = (1 << ADDRESS_BITS) - 4096..(1 << ADDRESS_BITS) + 4096;
    assert_eq!(tables.map(beyond, Kind::Data, Largest::Block), Err(DoesNotFit));
    tables.map(0x4000_0000..0x8000_0000, Kind::Data, Largest::Block).unwrap();
    assert_eq!(tables.unmap_page(0x4000_0000), Err(DoesNotFit), "a block covers it");
}
