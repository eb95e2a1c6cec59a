// SPDX-License-Identifier: BSD-3-Clause
//! Values that keep books of what becomes of them: each has one fate and is dropped once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What became of the values.
pub(super) struct Books {
    fates: [AtomicU64; 4],
    /// One entry for each value: its fates, and in the high bits its drops. Values without a size share none.
    pub(super) entries: Vec<AtomicU8>,
    pub(super) drops: AtomicU64,
    /// How many send futures were dropped before they were ready.
    pub(super) dropped_sends: AtomicU64,
    /// Destructors and hooks panic now and then, as long as this is set.
    pub(super) panics: AtomicBool,
}

#[derive(Clone, Copy)]
pub(super) enum Fate {
    Received,
    Returned,
    Undelivered,
    /// Dropped without another fate: with its future, or with a drained rest.
    Withdrawn,
}

pub(super) const FATE: u8 = 1;
pub(super) const DROP: u8 = 16;

impl Books {
    pub(super) fn new(values: u64) -> Arc<Self> {
        Arc::new(Self {
            fates: Default::default(),
            entries: (0..values).map(|_| AtomicU8::new(0)).collect(),
            drops: AtomicU64::new(0),
            dropped_sends: AtomicU64::new(0),
            panics: AtomicBool::new(true),
        })
    }

    pub(super) fn of(&self, fate: Fate) -> u64 {
        self.fates[fate as usize].load(Ordering::SeqCst)
    }

    pub(super) fn enter(&self, id: Option<u64>, fate: Fate) {
        self.fates[fate as usize].fetch_add(1, Ordering::SeqCst);
        if let Some(id) = id {
            let before = self.entries[id as usize].fetch_add(FATE, Ordering::SeqCst);
            assert_eq!(before, 0, "value {id} was in two places, or dropped before");
        }
    }

    pub(super) fn dropped(&self, id: Option<u64>) {
        self.drops.fetch_add(1, Ordering::SeqCst);
        let Some(id) = id else { return };
        let before = self.entries[id as usize].fetch_add(DROP, Ordering::SeqCst);
        assert!(before < DROP, "value {id} was dropped twice");
        if before == 0 {
            self.fates[Fate::Withdrawn as usize].fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Panics one time in `n`, not while another panic is under way.
    pub(super) fn perhaps_panic(&self, dice: u64, n: u64) {
        if self.panics.load(Ordering::SeqCst) && dice.is_multiple_of(n) && !std::thread::panicking() {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }
}

/// What is sent.
pub(super) trait Value: Send + 'static {
    const PANICS: bool = false;
    fn make(books: &Arc<Books>, id: u64) -> Self;
    /// Which one it is; `None` if it cannot tell.
    fn id(&self) -> Option<u64>;
}

macro_rules! value {
    ($name:ident, $padding:ty, $make:expr, $panics:literal) => {
        pub(super) struct $name(u64, Arc<Books>, $padding);

        impl Value for $name {
            const PANICS: bool = $panics;

            fn make(books: &Arc<Books>, id: u64) -> Self {
                Self(id, books.clone(), $make)
            }

            fn id(&self) -> Option<u64> {
                Some(self.0)
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                assert!(self.2 == $make, "a value that came in parts");
                self.1.dropped(Some(self.0));
                if Self::PANICS {
                    self.1.perhaps_panic(self.0 ^ (self.0 >> 3), 7);
                }
            }
        }
    };
}

value!(Plain, [u8; 0], [], false);
value!(Large, [u64; 300], [7; 300], false);
value!(Bomb, [u8; 0], [], true);

/// Without a size: the books are found elsewhere, so one test at a time uses it.
pub(super) struct Nothing;

static BOOKS_OF_NOTHING: std::sync::Mutex<Option<Arc<Books>>> = std::sync::Mutex::new(None);

impl Value for Nothing {
    fn make(books: &Arc<Books>, _id: u64) -> Self {
        let mut kept = BOOKS_OF_NOTHING.lock().unwrap();
        if !kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, books)) {
            *kept = Some(books.clone());
        }
        Self
    }

    fn id(&self) -> Option<u64> {
        None
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        let books = BOOKS_OF_NOTHING.lock().unwrap().clone();
        books.expect("made before").dropped(None);
    }
}
