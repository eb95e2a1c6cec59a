// SPDX-License-Identifier: BSD-3-Clause
//! Values whose drops are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the drops of the values that it makes.
#[derive(Clone, Debug, Default)]
pub struct Drops(Arc<AtomicUsize>);

impl Drops {
    /// None so far.
    pub fn new() -> Drops {
        Drops::default()
    }

    /// A value whose drop is counted.
    pub fn value(&self) -> Counted {
        Counted(self.clone())
    }

    /// A value whose drop is counted and panics.
    pub fn bomb(&self) -> Bomb {
        Bomb(self.value())
    }

    /// How many have been dropped.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// See [`Drops::value`].
#[derive(Debug)]
pub struct Counted(Drops);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// See [`Drops::bomb`].
#[derive(Debug)]
pub struct Bomb(Counted);

impl Drop for Bomb {
    fn drop(&mut self) {
        let _counted = &self.0;
        panic!("a drop panics on purpose");
    }
}

/// Calls its closure when dropped.
#[derive(Debug)]
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
