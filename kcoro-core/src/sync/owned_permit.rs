// SPDX-License-Identifier: BSD-3-Clause
//! Permits that keep their semaphore alive.

use alloc::sync::Arc;
use core::fmt;

use super::error::{AcquireError, TryAcquireError};
use super::semaphore::{Semaphore, permit};
use crate::task::claim::Accepts;

impl Semaphore {
    /// As [`Semaphore::acquire`]; the permit keeps the semaphore alive, so it may go anywhere.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::acquire`].
    pub fn acquire_owned(self: &Arc<Self>, count: usize) -> Result<OwnedPermit, AcquireError> {
        self.take(count, Accepts::NOTHING)?;
        Ok(OwnedPermit { semaphore: self.clone(), count })
    }

    /// As [`Semaphore::try_acquire`]; the permit keeps the semaphore alive.
    ///
    /// # Errors
    ///
    /// See [`TryAcquireError`].
    pub fn try_acquire_owned(self: &Arc<Self>, count: usize) -> Result<OwnedPermit, TryAcquireError> {
        self.permits.try_acquire(count)?;
        Ok(OwnedPermit { semaphore: self.clone(), count })
    }
}

/// Permits of a [`Semaphore`] that this keeps alive, given back when this is dropped.
#[must_use = "the permits are given back when this is dropped"]
pub struct OwnedPermit {
    semaphore: Arc<Semaphore>,
    count: usize,
}

permit!(OwnedPermit);
