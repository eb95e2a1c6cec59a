// SPDX-License-Identifier: BSD-3-Clause
//! A value on cache lines of its own.

use core::ops::Deref;

/// Keeps `T` off the cache lines of its neighbours, so that one core's writes to it do not slow another core's reads of
/// them.
///
/// 128 bytes: x86-64 prefetches lines of 64 bytes in pairs, and large aarch64 cores have lines of 128.
#[repr(align(128))]
pub(crate) struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for CachePadded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
