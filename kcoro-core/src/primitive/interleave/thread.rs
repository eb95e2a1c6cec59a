// SPDX-License-Identifier: BSD-3-Clause
//! `std::thread`, on which several workers run in turn.

pub(crate) use std::thread::{Thread, current, park, park_timeout};

use super::registered;

/// Whether the calling worker, or the thread if it is none, unwinds.
pub(crate) fn panicking() -> bool {
    match registered() {
        Some(interleave) => interleave.is_unwinding(),
        None => std::thread::panicking(),
    }
}
