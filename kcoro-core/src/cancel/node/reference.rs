// SPDX-License-Identifier: BSD-3-Clause
//! [`NodeRef`]: what keeps a token's node alive, and makes and frees it.
#![expect(unsafe_code, reason = "counts references by raw pointer")]

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use super::Node;
#[cfg(feature = "alloc")]
use crate::cancel::Cause;
use crate::primitive::atomic::Ordering;

/// A counted reference to a node.
pub(in crate::cancel) struct NodeRef(pub(super) NonNull<Node>);

// SAFETY: nodes are `Sync`, and the count is atomic.
unsafe impl Send for NodeRef {}
// SAFETY: as above.
unsafe impl Sync for NodeRef {}

// No panic leaves a node half-changed: nothing that can panic runs under its lock.
impl UnwindSafe for NodeRef {}
impl RefUnwindSafe for NodeRef {}

impl NodeRef {
    /// A node without a parent.
    #[cfg(feature = "alloc")]
    pub(in crate::cancel) fn root() -> NodeRef {
        Self::allocate(None)
    }

    /// A child of `parent`; cancelled, for the same cause, if that is.
    #[cfg(feature = "alloc")]
    pub(in crate::cancel) fn child_of(parent: &NodeRef) -> NodeRef {
        let child = Self::allocate(Some(parent.clone().into_raw()));
        match parent.lock_open() {
            // SAFETY: the child is on no list, and takes itself off this one before it goes.
            Some(mut attached) => unsafe { attached.children.push_back(child.0) },
            None => {
                let why = parent.cause().unwrap_or(&Cause::Cancelled);
                // It has nothing attached, and nobody else has it: there is no pass to run.
                let _ = child.mark(why);
            }
        }
        child
    }

    #[cfg(feature = "alloc")]
    fn allocate(parent: Option<NonNull<Node>>) -> NodeRef {
        NodeRef(NonNull::from(Box::leak(Box::new(Node::new(parent)))))
    }

    /// A reference to a node in a static, to which one is counted for ever.
    #[cfg(not(loom))]
    pub(in crate::cancel) fn of_static(node: &'static Node) -> NodeRef {
        let forever = core::mem::ManuallyDrop::new(NodeRef(NonNull::from(node)));
        NodeRef::clone(&forever)
    }

    /// A reference to a node that others list without counting, unless its last one has gone and it is about to leave their
    /// list.
    ///
    /// # Safety
    ///
    /// `node` was listed, and takes itself off under a lock that the caller has held since.
    pub(in crate::cancel) unsafe fn of_listed(node: NonNull<Node>) -> Option<NodeRef> {
        // SAFETY: it cannot go before it has taken the lock that the caller holds.
        let refs = unsafe { &node.as_ref().refs };
        // Relaxed: as in `clone`; the list's lock has ordered what came before.
        let retained = refs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |refs| (refs > 0).then_some(refs + 1));
        retained.is_ok().then_some(NodeRef(node))
    }

    pub(in crate::cancel) fn as_ptr(&self) -> NonNull<Node> {
        self.0
    }

    pub(super) fn into_raw(self) -> NonNull<Node> {
        core::mem::ManuallyDrop::new(self).0
    }
}

impl core::ops::Deref for NodeRef {
    type Target = Node;

    fn deref(&self) -> &Node {
        // SAFETY: this reference keeps it alive.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for NodeRef {
    fn clone(&self) -> Self {
        // Relaxed: made from one that exists, so the count cannot reach zero meanwhile.
        let before = self.refs.fetch_add(1, Ordering::Relaxed);
        assert!(before < usize::MAX / 2, "too many references to one token");
        NodeRef(self.0)
    }
}

impl Drop for NodeRef {
    /// In a loop and not by the drop of a field: the last reference to a leaf may be all that a tree of any depth hangs on.
    fn drop(&mut self) {
        let mut next = Some(self.0);
        while let Some(node) = next {
            // SAFETY: the reference is ours, and is not used again.
            next = unsafe { give_back(node) };
        }
    }
}

/// Gives one reference back; frees the node if it was the last, and returns its reference to its parent.
///
/// # Safety
///
/// The caller has the reference and does not use it again.
unsafe fn give_back(node: NonNull<Node>) -> Option<NonNull<Node>> {
    // SAFETY: the caller has a reference.
    let refs = unsafe { &node.as_ref().refs };
    // Release: all that this reference was used for comes before the free.
    if refs.fetch_sub(1, Ordering::Release) != 1 {
        return None;
    }
    // Acquire: all that the others were used for comes before it, too. Not a fence, see `Header::release`.
    refs.load(Ordering::Acquire);
    // SAFETY: nobody can make a new reference any more: the list of the parent does not where the count is zero.
    let parent = unsafe { node.as_ref() }.parent;
    if let Some(parent) = parent {
        // SAFETY: our reference keeps the parent, and the node is on its list or on none.
        unsafe { parent.as_ref().lock().children.remove(node) };
    }
    #[cfg(feature = "alloc")]
    // SAFETY: it was allocated as a box, for one in a static keeps a reference, and nobody can reach it any more.
    drop(unsafe { Box::from_raw(node.as_ptr()) });
    parent
}
