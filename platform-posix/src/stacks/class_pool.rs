// SPDX-License-Identifier: BSD-3-Clause
//! The stacks of one size class: its regions, and the slots that came back. All of it is under the class's lock.

use super::layout::Layout;
use super::memory::Errno;
use super::region::{Region, slots_of_region};
use super::slot_id::SlotId;

/// This many returned slots keep their memory. Those beyond it give theirs back first, so that a burst does not stay
/// resident for ever.
pub(super) const MAX_HOT_SLOTS: usize = 4096;

/// Slots of one region that were never handed out before.
pub(super) struct Fresh {
    pub(super) region: usize,
    pub(super) first_slot: usize,
    pub(super) count: usize,
}

/// Whether a returned slot still has its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    Hot,
    Cold,
}

/// See the module.
#[derive(Default)]
pub(super) struct ClassPool {
    regions: Vec<Option<Region>>,
    /// The region with room for fresh slots, if any.
    carving: Option<usize>,
    /// Returned slots with their memory, last in first out: the last one is the likeliest to be in a cache.
    hot: Vec<SlotId>,
    /// Returned slots without memory.
    cold: Vec<SlotId>,
}

impl ClassPool {
    /// A slot that was used before, best first.
    pub(super) fn reuse(&mut self) -> Option<SlotId> {
        let id = self.hot.pop().or_else(|| self.cold.pop())?;
        self.region_mut(id.region()).lend();
        Some(id)
    }

    pub(super) fn has_room_for_hot(&self) -> bool {
        self.hot.len() < MAX_HOT_SLOTS
    }

    /// Takes slot `id` back. Returns its region when all of it is idle and enough other slots are cached: drop it after
    /// the lock.
    #[must_use = "dropping the region gives its memory back; do it without the lock"]
    pub(super) fn put_back(&mut self, id: SlotId, returned: Returned) -> Option<Surplus> {
        self.region_mut(id.region()).take_back();
        match returned {
            Returned::Hot => self.hot.push(id),
            Returned::Cold => self.cold.push(id),
        }
        self.take_surplus(id.region())
    }

    /// Carves up to `count` fresh slots out of one region, mapping a new one when there is no room.
    pub(super) fn carve(&mut self, layout: &Layout, count: usize) -> Result<Fresh, Errno> {
        let region = self.region_with_room(layout)?;
        let (first_slot, count) = self.region_mut(region).carve(count);
        if self.region(region).room() == 0 {
            self.carving = None;
        }
        Ok(Fresh { region, first_slot, count })
    }

    /// Takes back the fresh slots that could not be guarded.
    pub(super) fn uncarve(&mut self, region: usize, first_slot: usize, count: usize) {
        self.region_mut(region).uncarve(first_slot, count);
        if self.carving.is_none() && self.region(region).room() > 0 {
            self.carving = Some(region);
        }
    }

    pub(super) fn region(&self, number: usize) -> &Region {
        self.regions[number].as_ref().expect("a region with slots that are handed out or cached is mapped")
    }

    /// How many slots are mapped, handed out or not.
    #[cfg(test)]
    pub(super) fn mapped_slots(&self) -> usize {
        self.regions.iter().flatten().map(Region::slots).sum()
    }

    fn region_mut(&mut self, number: usize) -> &mut Region {
        self.regions[number].as_mut().expect("a region with slots that are handed out or cached is mapped")
    }

    fn region_with_room(&mut self, layout: &Layout) -> Result<usize, Errno> {
        if let Some(region) = self.carving {
            return Ok(region);
        }
        let mapped = self.regions.iter().flatten().count();
        let region = Region::map(*layout, slots_of_region(mapped, layout))?;
        let number = match self.regions.iter().position(Option::is_none) {
            Some(vacant) => vacant,
            None => {
                self.regions.push(None);
                self.regions.len() - 1
            }
        };
        self.regions[number] = Some(region);
        self.carving = Some(number);
        Ok(number)
    }

    /// A region goes when it is idle and what stays cached is at least as much as goes and as many as may be hot: a
    /// program that keeps allocating and freeing around a boundary must not map and unmap each time.
    fn take_surplus(&mut self, number: usize) -> Option<Surplus> {
        let region = self.region(number);
        let cached_elsewhere = (self.hot.len() + self.cold.len()).saturating_sub(region.slots());
        if !region.is_idle() || self.carving == Some(number) || cached_elsewhere < region.slots().max(MAX_HOT_SLOTS) {
            return None;
        }
        let protected = |ids: &[SlotId]| ids.iter().filter(|id| id.region() == number && id.is_protected()).count();
        let protected_guards = protected(&self.hot) + protected(&self.cold);
        self.hot.retain(|id| id.region() != number);
        self.cold.retain(|id| id.region() != number);
        let region = self.regions[number].take()?;
        Some(Surplus { _region: region, protected_guards })
    }
}

impl Drop for ClassPool {
    fn drop(&mut self) {
        let protected = self.hot.iter().chain(&self.cold).filter(|id| id.is_protected());
        let mut protected_guards = 0;
        for id in protected {
            protected_guards += usize::from(self.region(id.region()).is_idle());
        }
        super::guard::give_back_protected(protected_guards);
        for region in self.regions.drain(..).flatten() {
            // Someone still has a stack of it, which stays valid until it is freed: for ever.
            if !region.is_idle() {
                core::mem::forget(region);
            }
        }
    }
}

/// A region that is not needed any more. Dropping it unmaps it.
pub(super) struct Surplus {
    _region: Region,
    protected_guards: usize,
}

impl Drop for Surplus {
    fn drop(&mut self) {
        super::guard::give_back_protected(self.protected_guards);
    }
}
