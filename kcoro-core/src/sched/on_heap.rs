// SPDX-License-Identifier: BSD-3-Clause
//! Runtimes on the heap: counted, with their platform and their workers in boxes.
#![expect(unsafe_code, reason = "boxes that are leaked and found again")]

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ptr::NonNull;

use super::config::Config;
use super::runtime::{Fixed, Inner};
use super::runtime_ref::{RuntimeRef, Storage};
use super::worker::Worker;
use crate::platform::Platform;

impl Inner {
    /// A runtime on the heap.
    pub(super) fn on_heap(platform: Box<dyn Platform>, workers: usize, config: Config) -> RuntimeRef {
        let platform = Fixed(NonNull::from(Box::leak(platform)));
        let mut inner = Arc::new(Inner::new(platform, workers, config, Storage::Counted));
        let address = Arc::as_ptr(&inner);
        let made: Box<[Worker]> = (0..workers).map(|index| Worker::new(index, address, &super::SCHEDULER)).collect();
        Arc::get_mut(&mut inner).expect("nobody else has it yet").workers = Fixed(NonNull::from(Box::leak(made)));
        RuntimeRef::of_arc(inner)
    }
}

/// One in a static never goes, so nothing of it is in a box.
impl Drop for Inner {
    fn drop(&mut self) {
        if self.storage == Storage::Counted {
            // SAFETY: `on_heap` has leaked both boxes for us, and nobody uses them any more. Workers first: what their
            // timers hold may still ask the platform for the time.
            unsafe {
                drop(Box::from_raw(self.workers.0.as_ptr()));
                drop(Box::from_raw(self.platform.0.as_ptr()));
            }
        }
    }
}
