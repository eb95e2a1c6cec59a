// SPDX-License-Identifier: BSD-3-Clause
//! The children that a cancel reaches: a list through their scope links, used under the lock of the scope.
#![expect(unsafe_code, reason = "an intrusive list over tasks that live while they are on it")]

use core::ptr::NonNull;

use crate::sched::scope_link::ScopeLink;
use crate::sched::task_core::TaskCore;
use crate::task::header::Header;

/// See the [module](self).
pub(super) struct List(Option<NonNull<Header>>);

// SAFETY: the list is touched under its scope's lock only, and children leave it before they end.
unsafe impl Send for List {}

impl List {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Calls `visit` with each child, under the lock: it must be short and run no user code.
    pub(super) fn for_each(&self, mut visit: impl FnMut(NonNull<Header>)) {
        let mut next = self.0;
        while let Some(child) = next {
            // SAFETY: listed children are live while the lock is held.
            next = unsafe { link_of(child) }.next.get();
            visit(child);
        }
    }

    /// # Safety
    ///
    /// The child is live until it is struck.
    pub(super) unsafe fn insert(&mut self, child: NonNull<Header>) {
        // SAFETY: the child is live, and so are listed ones.
        unsafe {
            let link = link_of(child);
            link.listed.set(true);
            link.prev.set(None);
            link.next.set(self.0);
            if let Some(next) = self.0 {
                link_of(next).prev.set(Some(child));
            }
        }
        self.0 = Some(child);
    }

    /// # Safety
    ///
    /// The child is live.
    pub(super) unsafe fn strike(&mut self, child: NonNull<Header>) {
        // SAFETY: the child is live, and a listed child's neighbours are listed, and so live.
        unsafe {
            let link = link_of(child);
            if !link.listed.replace(false) {
                return;
            }
            let (prev, next) = (link.prev.get(), link.next.get());
            match prev {
                Some(prev) => link_of(prev).next.set(next),
                None => self.0 = next,
            }
            if let Some(next) = next {
                link_of(next).prev.set(prev);
            }
        }
    }
}

/// # Safety
///
/// The child is live for `'a`. Its place in the list is touched under the lock only.
pub(super) unsafe fn link_of<'a>(child: NonNull<Header>) -> &'a ScopeLink {
    // SAFETY: forwarded.
    unsafe { &TaskCore::of(child).scope }
}
