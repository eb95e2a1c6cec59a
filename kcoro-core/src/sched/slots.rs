// SPDX-License-Identifier: BSD-3-Clause
//! Slots of one size, for whichever coroutine comes: a pool.

use core::fmt;
use core::panic::Location;

use super::join::JoinHandle;
use super::slot::{Room, Slot, Taken};
use super::spawn::SpawnError;
use super::spawn_builder::Builder;
use crate::primitive::atomic::{AtomicUsize, Ordering};

/// Memory for up to `N` coroutines at once, of `BYTES` bytes each, in a `static`. See [`Slot`].
///
/// ```
/// use kcoro_core::sched::{Slots, SpawnError};
///
/// // SAFETY: what runs here calls nothing that is deep.
/// static REQUESTS: Slots<8, 4096> = unsafe { Slots::new_unguarded() };
///
/// // Outside of a coroutine there is nobody to run it:
/// assert_eq!(REQUESTS.try_spawn(|| 1).unwrap_err(), SpawnError::NoRuntime);
/// assert_eq!(REQUESTS.free(), 8);
/// ```
pub struct Slots<const N: usize, const BYTES: usize> {
    slots: [Slot<BYTES>; N],
    /// Where to begin to look: behind the one that was taken last.
    next: AtomicUsize,
}

impl<const N: usize, const BYTES: usize> Slots<N, BYTES> {
    /// Slots without guards.
    ///
    /// # Safety
    ///
    /// As for [`Slot::new_unguarded`].
    #[expect(unsafe_code, reason = "passes a promise on")]
    pub const unsafe fn new_unguarded() -> Self {
        Self { slots: [const { Slot::empty() }; N], next: AtomicUsize::new(0) }
    }

    /// Spawns `body` in one of the slots; never waits.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Full`] when all are in use; else as [`Builder::spawn_static`].
    #[track_caller]
    pub fn try_spawn<F, T>(&'static self, body: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Builder::new().spawn_site(Location::caller()).without_waiting().spawn_static(self, body)
    }

    /// How many of the slots are free now.
    pub fn free(&'static self) -> usize {
        self.slots.iter().filter(|slot| slot.is_free()).count()
    }
}

impl<const N: usize, const BYTES: usize> fmt::Debug for Slots<N, BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").field("slots", &N).field("bytes", &BYTES).finish_non_exhaustive()
    }
}

/// A [`Slot`], or [`Slots`].
#[expect(private_bounds, reason = "only these are such")]
pub trait StaticMemory: TakeSlot {}

impl<const BYTES: usize> StaticMemory for Slot<BYTES> {}
impl<const N: usize, const BYTES: usize> StaticMemory for Slots<N, BYTES> {}

/// How a slot is taken.
pub(super) trait TakeSlot: Sync {
    /// Takes one for a cell of type `C`.
    fn take<C>(&'static self) -> Result<Taken, SpawnError>;
}

impl<const BYTES: usize> TakeSlot for Slot<BYTES> {
    fn take<C>(&'static self) -> Result<Taken, SpawnError> {
        let room = self.room();
        room.check::<C>()?;
        room.try_take().ok_or(SpawnError::SlotBusy)
    }
}

impl<const N: usize, const BYTES: usize> TakeSlot for Slots<N, BYTES> {
    fn take<C>(&'static self) -> Result<Taken, SpawnError> {
        let Some(first) = self.slots.first() else { return Err(SpawnError::Full { limit: 0 }) };
        first.room().check::<C>()?;
        // Relaxed: it is only where to begin.
        let begin = self.next.fetch_add(1, Ordering::Relaxed);
        let rooms = (0..N).map(|nth| self.slots[begin.wrapping_add(nth) % N].room());
        rooms.filter_map(Room::try_take).next().ok_or(SpawnError::Full { limit: N })
    }
}
