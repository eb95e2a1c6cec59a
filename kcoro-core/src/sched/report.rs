// SPDX-License-Identifier: BSD-3-Clause
//! What was left when a runtime ended.
#![expect(unsafe_code, reason = "looks at listed coroutines by raw pointer")]

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::panic::Location;

use super::runtime::Inner;

/// What was left when a runtime ended.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Coroutines that have parked before and are abandoned.
    #[cfg(feature = "alloc")]
    pub abandoned: Vec<Abandoned>,
    /// Without an allocator: how many these are, and one of them.
    #[cfg(not(feature = "alloc"))]
    abandoned: Few,
    /// Coroutines that were ready or running and had not parked before: their number only.
    pub unparked: usize,
}

/// A list that names one and counts the others.
#[cfg(not(feature = "alloc"))]
#[derive(Debug, Default)]
struct Few {
    one: Option<Abandoned>,
    len: usize,
}

#[cfg(not(feature = "alloc"))]
impl Few {
    fn push(&mut self, abandoned: Abandoned) {
        self.one = Some(abandoned);
        self.len += 1;
    }

    fn len(&self) -> usize {
        self.len
    }

    fn iter(&self) -> impl Iterator<Item = &Abandoned> {
        self.one.iter()
    }
}

impl ShutdownReport {
    /// Whether every coroutine has ended.
    pub fn is_clean(&self) -> bool {
        self.unfinished() == 0
    }

    /// How many coroutines have not ended.
    pub fn unfinished(&self) -> usize {
        self.abandoned.len() + self.unparked
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("every coroutine has ended");
        }
        write!(f, "{} coroutines have not ended", self.unfinished())?;
        for one in self.abandoned.iter().take(16) {
            write!(f, "\n  {} {} spawned at {}", one.id, one.name.unwrap_or("(unnamed)"), one.spawn_site)?;
        }
        Ok(())
    }
}

/// A coroutine that had not ended when its runtime did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Abandoned {
    /// Its number.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<&'static str>,
    /// Where it was spawned.
    pub spawn_site: &'static Location<'static>,
}

/// See [`Handle::unfinished`](super::Handle::unfinished).
pub(super) fn unfinished(inner: &Inner) -> ShutdownReport {
    let live = usize::try_from(inner.live_count()).unwrap_or(usize::MAX);
    let mut report = ShutdownReport::default();
    for worker in inner.workers() {
        worker.shared.registry.walk(
            |task| {
                // SAFETY: listed coroutines are live under the lock.
                let header = unsafe { task.as_ref() };
                Abandoned { id: header.id, name: header.name, spawn_site: header.spawn_site }
            },
            // Under no lock: it may allocate.
            |one| report.abandoned.push(one),
        );
    }
    report.unparked = live.saturating_sub(report.abandoned.len());
    report
}
