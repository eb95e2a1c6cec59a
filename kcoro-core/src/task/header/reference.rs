// SPDX-License-Identifier: BSD-3-Clause
//! [`TaskRef`]: what keeps a header alive.
#![expect(unsafe_code, reason = "counts references by raw pointer")]

use core::ptr::NonNull;

use super::Header;

/// A counted reference to a task.
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: the header is `Sync`, and the count is atomic.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// Takes a new reference to `task`.
    ///
    /// # Safety
    ///
    /// `task` is live: the caller has a reference, owns it, or is running in it.
    pub(crate) unsafe fn retain(task: NonNull<Header>) -> TaskRef {
        // SAFETY: forwarded.
        unsafe { Header::retain(task) };
        TaskRef(task)
    }

    /// Takes over a reference that the caller has.
    ///
    /// # Safety
    ///
    /// The caller has a reference and gives it up.
    pub(crate) unsafe fn from_raw(task: NonNull<Header>) -> TaskRef {
        TaskRef(task)
    }

    pub(crate) fn into_raw(self) -> NonNull<Header> {
        core::mem::ManuallyDrop::new(self).0
    }

    pub(crate) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }
}

impl core::ops::Deref for TaskRef {
    type Target = Header;

    fn deref(&self) -> &Header {
        // SAFETY: this reference keeps it alive.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        // SAFETY: `self` is a reference.
        unsafe { TaskRef::retain(self.0) }
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        // SAFETY: `self` is a reference and is not used again.
        unsafe { Header::release(self.0) }
    }
}
