// SPDX-License-Identifier: BSD-3-Clause
//! Where a stack came from, packed into the token that travels with it.

use super::guard::Method;
use super::layout::Class;

const _: () = assert!(usize::BITS == 64, "a slot id is packed into 64 bits");

const SLOT_BITS: u32 = 24;
const REGION_BITS: u32 = 32;
const CLASS_BITS: u32 = 6;

/// Region numbers of a class are below this.
pub(super) const MAX_REGIONS: usize = 1 << REGION_BITS;

/// Class, region within the class, slot within the region, and how the slot is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotId(usize);

impl SlotId {
    pub(super) fn new(class: Class, region: usize, slot: usize, method: Method) -> Self {
        debug_assert!(slot < 1 << SLOT_BITS && region < MAX_REGIONS);
        let high = (method as usize) << CLASS_BITS | class.index();
        Self((high << REGION_BITS | region) << SLOT_BITS | slot)
    }

    pub(super) fn from_token(token: usize) -> Self {
        Self(token)
    }

    pub(super) fn token(self) -> usize {
        self.0
    }

    pub(super) fn slot(self) -> usize {
        self.0 & ((1 << SLOT_BITS) - 1)
    }

    pub(super) fn region(self) -> usize {
        self.0 >> SLOT_BITS & (MAX_REGIONS - 1)
    }

    pub(super) fn class(self) -> Class {
        Class::from_index(self.0 >> (SLOT_BITS + REGION_BITS) & ((1 << CLASS_BITS) - 1))
    }

    /// The slot has a guard of protected pages.
    pub(super) fn is_protected(self) -> bool {
        self.method() == Method::Mprotect
    }

    pub(super) fn method(self) -> Method {
        Method::from_bits((self.0 >> (SLOT_BITS + REGION_BITS + CLASS_BITS)) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_REGIONS, Method, SLOT_BITS, SlotId};
    use crate::stacks::layout::Class;

    #[test]
    fn every_part_comes_back() {
        for class in Class::all() {
            for method in [Method::Madvise, Method::Mprotect, Method::Canary] {
                for (region, slot) in [(0, 0), (MAX_REGIONS - 1, 0), (7, (1 << SLOT_BITS) - 1)] {
                    let id = SlotId::from_token(SlotId::new(class, region, slot, method).token());
                    assert_eq!((id.class(), id.region(), id.slot(), id.method()), (class, region, slot, method));
                }
            }
        }
    }
}
