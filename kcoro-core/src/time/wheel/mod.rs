// SPDX-License-Identifier: BSD-3-Clause
//! A hierarchical timer wheel: arming and cancelling take constant time, however many timers there are.
//!
//! Time is counted in ticks of [`TICK_NS`]. Level 0 has a slot per tick for the current 64 ticks, level 1 a slot per 64
//! ticks for the current 4096, and so on up to the end of `u64` nanoseconds. A timer is at the level of the highest
//! group of six bits in which its tick differs from `elapsed`, the tick up to which the wheel has expired, in the slot
//! that these six bits name:
//!
//! ```text
//! elapsed      = 0b 000010 000101 111110      level 1 and below
//! timer A      = 0b 000010 000101 111111      level 0, slot 63
//! timer B      = 0b 000010 000110 000000      level 1, slot 6
//! ```
//!
//! Hence slots behind `elapsed` are empty at each level, the lowest level in use holds the earliest timers, and its
//! lowest slot in use the earliest of these: three bit scans find it. When time reaches the start of a slot above level
//! 0, its timers move down, at least one level. So a timer moves at most once per level, and mostly never, because most
//! timers are cancelled.
//!
//! All timers of one tick are always in one slot and keep their order, so timers of one tick expire in the order they
//! were armed.
//!
//! The wheel belongs to its owner's lock. Each step of [`TimerWheel::expire_step`] does a bounded amount of work, so that
//! the owner can let go of the lock between steps.
#![expect(unsafe_code, reason = "links nodes that their owners keep alive")]

mod links;
#[cfg(all(test, not(loom)))]
mod tests;

use core::ptr::NonNull;

use links::{List, Place, with_state};
pub(crate) use links::{TimerLinks, TimerNode};

const TICK_SHIFT: u32 = 10;
/// The resolution: a timer expires at the first tick that is not before its deadline.
pub(crate) const TICK_NS: u64 = 1 << TICK_SHIFT;

const LEVEL_SHIFT: u32 = 6;
const SLOTS: usize = 1 << LEVEL_SHIFT;
/// The deadline `u64::MAX`, rounded up, is tick `1 << 54`: the top level needs its bit 54.
const LEVELS: usize = (u64::BITS - TICK_SHIFT) as usize / LEVEL_SHIFT as usize + 1;

/// How many timers one step looks at or moves.
const STEP_TIMERS: usize = 8;

/// What one step of [`TimerWheel::expire_step`] came to.
#[must_use = "an expired timer has left the wheel"]
pub(crate) enum Step<T> {
    /// This timer is due, and has left the wheel.
    Expired(NonNull<T>),
    /// Timers moved down; there is more to do.
    Again,
    /// Nothing more is due.
    Done,
}

/// A set of timers, ordered by deadline. See the module.
pub(crate) struct TimerWheel<T> {
    slots: [[List<T>; SLOTS]; LEVELS],
    /// Which slots of each level hold timers.
    occupied: [u64; LEVELS],
    /// Which levels hold timers.
    levels: u16,
    /// The tick up to which timers have expired. No timer in the wheel has an earlier one.
    elapsed: u64,
    /// The slot whose timers are moving down, if a step has left some. It comes before all others.
    moving: Option<Place>,
    len: usize,
    #[cfg(test)]
    moves: usize,
}

// SAFETY: the wheel holds the right to its nodes' links, which may move between threads (see `TimerLinks`). It touches
// nothing else of a node.
unsafe impl<T> Send for TimerWheel<T> {}

impl<T> TimerWheel<T> {
    /// An empty wheel. Time starts at 0 and is what the first step says.
    pub(crate) const fn new() -> Self {
        Self {
            slots: [const { [const { List::EMPTY }; SLOTS] }; LEVELS],
            occupied: [0; LEVELS],
            levels: 0,
            elapsed: 0,
            moving: None,
            len: 0,
            #[cfg(test)]
            moves: 0,
        }
    }

    /// How many timers are armed.
    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The earliest slot in use.
    fn next_place(&self) -> Option<Place> {
        if self.moving.is_some() {
            return self.moving;
        }
        let level = self.levels.trailing_zeros() as usize;
        let slots = self.occupied.get(level)?;
        Some(Place { level: level as u8, slot: slots.trailing_zeros() as u8 })
    }

    /// The first tick of the slot at `place`, in the turn of its level that `elapsed` is in.
    fn start_tick(&self, place: Place) -> u64 {
        let shift = LEVEL_SHIFT * u32::from(place.level);
        let turn = self.elapsed >> (shift + LEVEL_SHIFT) << (shift + LEVEL_SHIFT);
        turn | u64::from(place.slot) << shift
    }

    /// Where a timer that expires at `tick`, which is not before `elapsed`, belongs now.
    fn place_of(&self, tick: u64) -> Place {
        // The lowest bit is set to make level 0 the answer when nothing differs.
        let level = ((tick ^ self.elapsed) | 1).ilog2() / LEVEL_SHIFT;
        Place { level: level as u8, slot: (tick >> (level * LEVEL_SHIFT)) as u8 % SLOTS as u8 }
    }

    fn list(&self, place: Place) -> &List<T> {
        &self.slots[usize::from(place.level)][usize::from(place.slot)]
    }

    fn list_mut(&mut self, place: Place) -> &mut List<T> {
        &mut self.slots[usize::from(place.level)][usize::from(place.slot)]
    }
}

impl<T: TimerNode> TimerWheel<T> {
    /// Arms `node` for `deadline_ns`. A deadline that has passed expires with the next step.
    ///
    /// A deadline less than a tick before `u64::MAX` never comes.
    ///
    /// # Safety
    ///
    /// `node` is in no wheel, and stays valid and in place until it has left this one.
    pub(crate) unsafe fn insert(&mut self, node: NonNull<T>, deadline_ns: u64) {
        // Rounded up, so that no timer is early.
        let tick = deadline_ns.div_ceil(TICK_NS).max(self.elapsed);
        // SAFETY: the caller's promise.
        unsafe { self.link(node, tick) };
        self.len += 1;
    }

    /// Disarms `node`, and says whether it was armed.
    ///
    /// # Safety
    ///
    /// `node` is valid, and is in this wheel or in none.
    pub(crate) unsafe fn remove(&mut self, node: NonNull<T>) -> bool {
        // SAFETY: the caller's promise.
        let place = unsafe { with_state(node, |state| state.place) };
        let Some(place) = place else { return false };
        // SAFETY: the node is in this wheel, in the slot that it names.
        unsafe { self.unlink(node, place) };
        self.len -= 1;
        true
    }

    /// When the owner must next step the wheel, in ns; `None` if never.
    ///
    /// Never later than the earliest deadline, rounded up to a tick. It is earlier when that deadline shares its slot
    /// with many others, which must move down first. May have passed already.
    pub(crate) fn next_expiry_ns(&self) -> Option<u64> {
        let place = self.next_place()?;
        let start = self.start_tick(place);
        let tick = if self.moving.is_some() || place.level == 0 {
            start
        } else {
            self.earliest_tick_of_few(place).unwrap_or(start)
        };
        // A tick beyond the end of the clock never comes.
        tick.checked_mul(TICK_NS)
    }

    /// Expires the next timer that is due at `now_ns`, or gets nearer to it by a bounded amount of work.
    ///
    /// The caller steps until [`Step::Done`], with the same or a later `now_ns`, and may do anything to the wheel in
    /// between. Timers come in the order of their ticks, and within a tick in the order they were armed. (A timer armed
    /// between two steps, for a tick whose timers are just moving down, may overtake some of these.)
    pub(crate) fn expire_step(&mut self, now_ns: u64) -> Step<T> {
        let now = now_ns / TICK_NS;
        match self.next_place() {
            Some(place) if self.start_tick(place) <= now.max(self.elapsed) => {
                self.elapsed = self.start_tick(place);
                if place.level == 0 { self.expire_first(place) } else { self.move_down(place) }
            }
            _ => {
                // No slot starts up to `now`, so each timer's slot stays right.
                self.elapsed = self.elapsed.max(now);
                Step::Done
            }
        }
    }

    /// Takes the first timer of the slot that time has reached.
    fn expire_first(&mut self, place: Place) -> Step<T> {
        let Some(node) = self.list(place).first() else { return Step::Done };
        // SAFETY: the node is in this wheel, in this slot.
        unsafe { self.unlink(node, place) };
        self.len -= 1;
        Step::Expired(node)
    }

    /// Moves some timers of a slot that time has reached to the levels below.
    fn move_down(&mut self, place: Place) -> Step<T> {
        self.moving = Some(place);
        for _ in 0..STEP_TIMERS {
            let Some(node) = self.list(place).first() else { break };
            // SAFETY: the node is in this wheel, in this slot; it leaves the slot and is linked again at once.
            unsafe {
                self.unlink(node, place);
                let tick = with_state(node, |state| state.tick);
                self.link(node, tick);
            }
            #[cfg(test)]
            {
                self.moves += 1;
            }
        }
        Step::Again
    }

    /// The earliest tick in the slot at `place` if it holds few timers: it spares a lone timer the wakes on its way
    /// down.
    fn earliest_tick_of_few(&self, place: Place) -> Option<u64> {
        let first = self.list(place).first()?;
        let (mut node, mut earliest) = (first, u64::MAX);
        for _ in 0..STEP_TIMERS {
            // SAFETY: the nodes of a slot are valid, and `&self` keeps others from changing them.
            let (tick, next) = unsafe { with_state(node, |state| (state.tick, state.next)) };
            earliest = earliest.min(tick);
            node = next?;
            if node == first {
                return Some(earliest);
            }
        }
        None
    }

    /// Puts `node` into the slot for `tick`.
    ///
    /// # Safety
    ///
    /// As [`TimerWheel::insert`]; `tick` is not before `elapsed`.
    unsafe fn link(&mut self, node: NonNull<T>, tick: u64) {
        let place = self.place_of(tick);
        self.levels |= 1 << place.level;
        self.occupied[usize::from(place.level)] |= 1 << place.slot;
        // SAFETY: the caller's promise.
        unsafe {
            with_state(node, |state| (state.tick, state.place) = (tick, Some(place)));
            self.list_mut(place).push_back(node);
        }
    }

    /// Takes `node` out of its slot.
    ///
    /// # Safety
    ///
    /// `node` is in this wheel, in the slot at `place`.
    unsafe fn unlink(&mut self, node: NonNull<T>, place: Place) {
        // SAFETY: the caller's promise.
        unsafe {
            self.list_mut(place).remove(node);
            with_state(node, |state| state.place = None);
        }
        if self.list(place).is_empty() {
            self.slot_emptied(place);
        }
    }

    fn slot_emptied(&mut self, place: Place) {
        let slots = &mut self.occupied[usize::from(place.level)];
        *slots &= !(1 << place.slot);
        if *slots == 0 {
            self.levels &= !(1 << place.level);
        }
        if self.moving == Some(place) {
            self.moving = None;
        }
    }
}
