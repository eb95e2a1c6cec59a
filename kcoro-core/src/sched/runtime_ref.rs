// SPDX-License-Identifier: BSD-3-Clause
//! [`RuntimeRef`]: what keeps a runtime there. One on the heap is counted; one in a static is there for ever.
#![expect(unsafe_code, reason = "counts references by raw pointer")]

#[cfg(feature = "alloc")]
use alloc::sync::{Arc, Weak};
use core::ptr::NonNull;

use super::runtime::Inner;

/// Where a runtime lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// In an `Arc`.
    #[cfg(feature = "alloc")]
    Counted,
    /// In a static, once and for ever.
    Static,
}

/// A reference to a runtime.
pub(super) struct RuntimeRef(NonNull<Inner>);

// SAFETY: the runtime is shared between its workers anyhow, and its count is atomic.
unsafe impl Send for RuntimeRef where Inner: Send + Sync {}
// SAFETY: as above.
unsafe impl Sync for RuntimeRef where Inner: Send + Sync {}

impl RuntimeRef {
    #[cfg(feature = "alloc")]
    pub(super) fn of_arc(inner: Arc<Inner>) -> Self {
        debug_assert!(inner.storage == Storage::Counted, "it lies in an `Arc`");
        // SAFETY: an `Arc` is not null. Its count is this reference's.
        Self(unsafe { NonNull::new_unchecked(Arc::into_raw(inner).cast_mut()) })
    }

    /// # Safety
    ///
    /// `inner` lies in a static and stays there for ever, and its storage says so.
    pub(super) unsafe fn of_static(inner: NonNull<Inner>) -> Self {
        Self(inner)
    }

    /// The runtime, by the pointer that counts references to it.
    pub(super) fn as_ptr(&self) -> *const Inner {
        self.0.as_ptr()
    }

    /// Another reference to a runtime that somebody keeps.
    ///
    /// # Safety
    ///
    /// `inner` is what [`RuntimeRef::as_ptr`] returned for it, and it is live.
    pub(super) unsafe fn retain(inner: *const Inner) -> Self {
        // SAFETY: the caller's promise.
        let inner = unsafe { NonNull::new_unchecked(inner.cast_mut()) };
        #[cfg(feature = "alloc")]
        // SAFETY: as above.
        if unsafe { inner.as_ref() }.storage == Storage::Counted {
            // SAFETY: it lies in an `Arc`, and this is that one's pointer.
            unsafe { Arc::increment_strong_count(inner.as_ptr().cast_const()) };
        }
        Self(inner)
    }

    /// Leaves the reference to whoever calls [`RuntimeRef::take_over`].
    pub(super) fn leave(self) {
        core::mem::forget(self);
    }

    /// Takes over a reference that was left.
    ///
    /// # Safety
    ///
    /// As for [`RuntimeRef::retain`], and one was [left](RuntimeRef::leave) for this call.
    pub(super) unsafe fn take_over(inner: *const Inner) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { NonNull::new_unchecked(inner.cast_mut()) })
    }
}

impl core::ops::Deref for RuntimeRef {
    type Target = Inner;

    #[inline(always)]
    fn deref(&self) -> &Inner {
        // SAFETY: this reference keeps it.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for RuntimeRef {
    fn clone(&self) -> Self {
        // SAFETY: this reference keeps it, and has the pointer that counts.
        unsafe { Self::retain(self.as_ptr()) }
    }
}

impl Drop for RuntimeRef {
    fn drop(&mut self) {
        #[cfg(feature = "alloc")]
        if self.storage == Storage::Counted {
            // SAFETY: the count is ours, and is not used again.
            drop(unsafe { Arc::from_raw(self.as_ptr()) });
        }
    }
}

/// Remembers a runtime without keeping it.
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub(super) enum WeakRef {
    Counted(Weak<Inner>),
    Static(&'static Inner),
}

#[cfg(feature = "alloc")]
impl WeakRef {
    pub(super) fn of(runtime: &RuntimeRef) -> Self {
        match runtime.storage {
            Storage::Counted => {
                // SAFETY: it lies in an `Arc`, whose count the reference keeps: this one is not given back.
                let arc = core::mem::ManuallyDrop::new(unsafe { Arc::from_raw(runtime.as_ptr()) });
                Self::Counted(Arc::downgrade(&arc))
            }
            // SAFETY: it is there for ever.
            Storage::Static => Self::Static(unsafe { runtime.0.as_ref() }),
        }
    }

    /// The runtime, unless it is gone. One in a static has gone when it has stopped.
    pub(super) fn upgrade(&self) -> Option<RuntimeRef> {
        match self {
            Self::Counted(weak) => weak.upgrade().map(RuntimeRef::of_arc),
            Self::Static(inner) => (!inner.has_stopped()).then(|| RuntimeRef(NonNull::from(*inner))),
        }
    }
}
