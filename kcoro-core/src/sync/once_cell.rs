// SPDX-License-Identifier: BSD-3-Clause
//! [`OnceCell`]: a value that is made once, by whoever needs it first.
#![expect(unsafe_code, reason = "shares a value that is never written again")]

use core::convert::Infallible;
use core::fmt;
use core::time::Duration;

use super::const_unless_loom;
use super::error::{InitError, WaitTimeoutError};
use super::event::Event;
use super::mutex::{Mutex, MutexGuard};
use crate::primitive::UnsafeCell;
use crate::primitive::atomic::{AtomicBool, Ordering};
use crate::task::wait_record::SyncId;
use crate::time::Instant;
use crate::wait::{CannotWait, WaitError};

/// A value that is made once. Who needs it while another makes it waits for it.
///
/// The closure that makes it may suspend. If it fails, panics, or (in async code) is dropped, the cell stays empty, and the
/// next of those who wait runs its own closure. One that asks for the value of the same cell waits for itself, for ever; the
/// simulator reports the deadlock.
///
/// **Cancellation.** Only [`OnceCell::wait_cancellable`] is a cancellation point.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kcoro_core::sync::OnceCell;
///
/// static TABLE: OnceCell<Vec<u32>> = OnceCell::new();
///
/// let squares = || (0..4).map(|n| n * n).collect();
/// assert_eq!(TABLE.get(), None);
/// assert_eq!(TABLE.get_or_init(squares)?[3], 9);
/// assert_eq!(TABLE.get_or_init(|| unreachable!())?.len(), 4);
/// # }
/// # Ok::<(), kcoro_core::wait::CannotWait>(())
/// ```
pub struct OnceCell<T> {
    is_full: AtomicBool,
    /// Who holds it may fill the cell, once.
    filling: Mutex<()>,
    /// Set when the cell is full.
    full: Event,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value goes to the thread that takes it out or drops it.
unsafe impl<T: Send> Send for OnceCell<T> {}
// SAFETY: it may be filled on one thread, and read or dropped on others; it is written once, before `is_full`.
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}

impl<T> OnceCell<T> {
    const_unless_loom! {
        /// An empty cell.
        pub fn new() -> Self {
            Self {
                is_full: AtomicBool::new(false),
                filling: Mutex::new(()),
                full: Event::new(),
                value: UnsafeCell::new(None),
            }
        }
    }

    /// The value, if it has been made.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // Acquire: the value is visible.
        if !self.is_full.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: the cell is full, and is never written again while it is shared.
        self.value.with(|value| unsafe { (*value).as_ref() })
    }

    /// The value; if there is none, `make` makes it, or another that is about to.
    ///
    /// # Errors
    ///
    /// Another makes it, and the caller cannot wait.
    ///
    /// # Panics
    ///
    /// When `make` does; the cell is still empty then.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> Result<&T, CannotWait> {
        match self.get_or_try_init(|| Ok::<_, Infallible>(make())) {
            Ok(value) => Ok(value),
            Err(InitError::CannotWait(why)) => Err(why),
            Err(InitError::Failed(never)) => match never {},
        }
    }

    /// As [`OnceCell::get_or_init`], with a closure that may fail.
    ///
    /// # Errors
    ///
    /// See [`InitError`].
    ///
    /// # Panics
    ///
    /// When `make` does; the cell is still empty then.
    pub fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, InitError<E>> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let filling = self.filling.lock().map_err(InitError::CannotWait)?;
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let value = make().map_err(InitError::Failed)?;
        Ok(self.fill(filling, value))
    }

    /// As [`OnceCell::get_or_init`], in async code. A future that is dropped while it makes the value leaves that to the next.
    pub async fn get_or_init_async(&self, make: impl AsyncFnOnce() -> T) -> &T {
        let make = async || Ok::<_, Infallible>(make().await);
        match self.get_or_try_init_async(make).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// As [`OnceCell::get_or_try_init`], in async code.
    ///
    /// # Errors
    ///
    /// That of `make`.
    pub async fn get_or_try_init_async<E>(&self, make: impl AsyncFnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let filling = self.filling.lock_async().await;
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let value = make().await?;
        Ok(self.fill(filling, value))
    }

    /// Fills the cell.
    ///
    /// # Errors
    ///
    /// The value, if there is one already or another is about to make it.
    pub fn set(&self, value: T) -> Result<(), T> {
        match self.filling.try_lock() {
            Some(filling) if self.get().is_none() => {
                self.fill(filling, value);
                Ok(())
            }
            _ => Err(value),
        }
    }

    /// Waits until another has made the value.
    ///
    /// # Errors
    ///
    /// It would have had to wait, and the caller cannot.
    pub fn wait(&self) -> Result<&T, CannotWait> {
        self.full.wait()?;
        Ok(self.full())
    }

    /// As [`OnceCell::wait`], and a cancel ends the wait.
    ///
    /// # Errors
    ///
    /// See [`WaitError`].
    pub fn wait_cancellable(&self) -> Result<&T, WaitError> {
        self.full.wait_cancellable()?;
        Ok(self.full())
    }

    /// As [`OnceCell::wait`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<&T, WaitTimeoutError> {
        self.full.wait_timeout(timeout)?;
        Ok(self.full())
    }

    /// As [`OnceCell::wait`], until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// See [`WaitTimeoutError`].
    pub fn wait_deadline(&self, deadline: Instant) -> Result<&T, WaitTimeoutError> {
        self.full.wait_deadline(deadline)?;
        Ok(self.full())
    }

    /// Waits from async code until another has made the value.
    pub async fn wait_async(&self) -> &T {
        self.full.wait_async().await;
        self.full()
    }

    /// The value, if there is one, for changes: nobody else has the cell.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: `&mut self`.
        self.value.with_mut(|value| unsafe { (*value).as_mut() })
    }

    /// The value, if there is one.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// What dumps and deadlock reports call the object that [`OnceCell::wait`] waits for.
    pub fn id(&self) -> SyncId {
        self.full.id()
    }

    /// The value of a cell that is empty, and that the caller may fill.
    fn fill(&self, filling: MutexGuard<'_, ()>, value: T) -> &T {
        // SAFETY: the lock makes us the only one who writes, and nobody reads before the cell is full.
        self.value.with_mut(|cell| unsafe { *cell = Some(value) });
        // Release: the value is visible to who finds the cell full.
        self.is_full.store(true, Ordering::Release);
        drop(filling);
        self.full.set();
        self.full()
    }

    fn full(&self) -> &T {
        self.get().expect("the event is set when the cell is full")
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => f.debug_tuple("OnceCell").field(value).finish(),
            None => f.write_str("OnceCell(<empty>)"),
        }
    }
}
