// SPDX-License-Identifier: BSD-3-Clause
//! Tokens in statics: for programs without an allocator, and for what lives as long as the program.
//!
//! A static's parent is known when the program is built, and the parent's list of its children is not: a static puts itself
//! there when it is first asked for its token. Nobody has its token before, so nothing can be attached to it that a cancel of
//! the parent would have to reach before.
#![expect(unsafe_code, reason = "lists a node that lies in a static")]

use core::fmt;
use core::ptr::NonNull;

use super::node::{Node, NodeRef};
use super::{CancelToken, Cause};
use crate::primitive::atomic::{AtomicBool, Ordering};

/// A [`CancelToken`] whose memory is a `static`. Like any, it is cancelled once.
///
/// ```
/// use kcoro_core::cancel::{Cause, StaticToken};
///
/// static MACHINE: StaticToken = StaticToken::new();
/// static MOTOR: StaticToken = StaticToken::child_of(&MACHINE);
///
/// let motor = MOTOR.token();
/// assert_eq!(motor.run(|| motor.is_cancelled()), false);
/// MACHINE.token().cancel_with("the lid is open");
/// assert_eq!(motor.cause(), Some(Cause::Message("the lid is open")));
/// ```
pub struct StaticToken {
    node: Node,
    parent: Option<&'static StaticToken>,
    /// Whether nothing is left to do for the parent's cancel to reach this one. Set under the parent's lock, or when the parent
    /// has been cancelled.
    is_attached: AtomicBool,
}

impl StaticToken {
    /// A token that nothing but itself cancels.
    #[expect(clippy::new_without_default, reason = "it is of use in a static only")]
    pub const fn new() -> Self {
        Self { node: Node::new(None), parent: None, is_attached: AtomicBool::new(true) }
    }

    /// A token that is cancelled with `parent`, or before.
    pub const fn child_of(parent: &'static StaticToken) -> Self {
        let node = Node::new(Some(NonNull::from_ref(&parent.node)));
        Self { node, parent: Some(parent), is_attached: AtomicBool::new(false) }
    }

    /// The token. All that are returned are the same.
    #[must_use]
    pub fn token(&'static self) -> CancelToken {
        if let Some(parent) = self.parent {
            self.attach(parent);
        }
        CancelToken { node: NodeRef::of_static(&self.node) }
    }

    fn attach(&'static self, parent: &'static StaticToken) {
        // Acquire: it is on the list, or has been cancelled.
        if self.is_attached.load(Ordering::Acquire) {
            return;
        }
        let parent = parent.token();
        let Some(mut attached) = parent.node.lock_open() else {
            // Relaxed: it is set under the lock that was just taken. If it was not, nobody will list this one any more, so
            // nothing can be attached to it either: there is no pass to run.
            if !self.is_attached.load(Ordering::Relaxed) {
                let _ = self.node.mark(parent.node.cause().unwrap_or(&Cause::Cancelled));
                self.is_attached.store(true, Ordering::Release);
            }
            return;
        };
        // Relaxed: under the lock.
        if !self.is_attached.load(Ordering::Relaxed) {
            // SAFETY: a node in a static stays, and it is on no list.
            unsafe { attached.children.push_back(NonNull::from(&self.node)) };
            self.is_attached.store(true, Ordering::Release);
        }
    }
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticToken").field("cause", &self.node.cause()).finish_non_exhaustive()
    }
}
