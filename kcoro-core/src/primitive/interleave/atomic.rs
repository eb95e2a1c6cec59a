// SPDX-License-Identifier: BSD-3-Clause
//! The atomics of `core`, with a point before each operation.
//!
//! A weak compare-and-swap is a strong one: whether it fails for no reason is up to the processor, and a run must not be.

use core::sync::atomic as real;

pub use core::sync::atomic::Ordering;

use super::point;

/// `core::sync::atomic::fence`, after a point.
#[track_caller]
pub fn fence(order: Ordering) {
    point();
    real::fence(order);
}

/// What all atomics have. `$real` is the type in `core`, `$value` what it holds.
macro_rules! operations {
    ($real:ty, $value:ty) => {
        /// As the original; no point, since nobody else has it yet.
        pub const fn new(value: $value) -> Self {
            Self(<$real>::new(value))
        }

        /// As the original; no point, since nobody else can use it now.
        pub fn get_mut(&mut self) -> &mut $value {
            self.0.get_mut()
        }

        /// As the original, after a point.
        #[track_caller]
        pub fn load(&self, order: Ordering) -> $value {
            point();
            self.0.load(order)
        }

        /// As the original, after a point.
        #[track_caller]
        pub fn store(&self, value: $value, order: Ordering) {
            point();
            self.0.store(value, order);
        }

        /// As the original, after a point.
        #[track_caller]
        pub fn swap(&self, value: $value, order: Ordering) -> $value {
            point();
            self.0.swap(value, order)
        }

        /// As the original, after a point.
        ///
        /// # Errors
        ///
        /// The value, if it is another than `current`.
        #[track_caller]
        pub fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            point();
            self.0.compare_exchange(current, new, success, failure)
        }

        /// As [`Self::compare_exchange`].
        ///
        /// # Errors
        ///
        /// As [`Self::compare_exchange`].
        #[track_caller]
        pub fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.compare_exchange(current, new, success, failure)
        }
    };
}

/// An integer: `$name` wraps the original of that name.
macro_rules! integer {
    ($name:ident, $value:ty) => {
        /// The original, with a point before each operation.
        #[derive(Debug, Default)]
        pub struct $name(real::$name);

        impl $name {
            operations!(real::$name, $value);

            /// As the original, after a point.
            #[track_caller]
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                point();
                self.0.fetch_add(value, order)
            }

            /// As the original, after a point.
            #[track_caller]
            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                point();
                self.0.fetch_sub(value, order)
            }

            /// As the original, after a point.
            #[track_caller]
            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                point();
                self.0.fetch_and(value, order)
            }

            /// As the original, after a point.
            #[track_caller]
            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                point();
                self.0.fetch_or(value, order)
            }

            /// As the original, after a point.
            #[track_caller]
            pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                point();
                self.0.fetch_max(value, order)
            }

            /// As the original: a load and, until one succeeds, compare-and-swaps, each after a point.
            ///
            /// # Errors
            ///
            /// The value for which `update` gave none.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut update: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut before = self.load(fetch);
                while let Some(after) = update(before) {
                    match self.compare_exchange(before, after, set, fetch) {
                        Ok(before) => return Ok(before),
                        Err(now) => before = now,
                    }
                }
                Err(before)
            }
        }
    };
}

integer!(AtomicU8, u8);
integer!(AtomicU32, u32);
integer!(AtomicU64, u64);
integer!(AtomicUsize, usize);

/// The original, with a point before each operation.
#[derive(Debug, Default)]
pub struct AtomicBool(real::AtomicBool);

impl AtomicBool {
    operations!(real::AtomicBool, bool);

    /// The original.
    pub(crate) fn real(&self) -> &real::AtomicBool {
        &self.0
    }
}

/// The original, with a point before each operation.
#[derive(Debug)]
pub struct AtomicPtr<T>(real::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    operations!(real::AtomicPtr<T>, *mut T);
}
