// SPDX-License-Identifier: BSD-3-Clause
//! What runs when a token is cancelled.
//!
//! A hook is on the list of its node until somebody takes it off under the node's lock: the pass, which then calls it, or
//! the guard, or the drop of the node. Only who took it off touches the closure.
#![expect(unsafe_code, reason = "hands counted hooks through a list of raw pointers")]

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::NonNull;

use super::Cause;
use super::node::NodeRef;
use crate::util::list::{Links, Listed};
use crate::util::quietly::call_quietly;

type Call = Box<dyn FnOnce(&Cause) + Send>;

/// See the [module](self).
pub(super) struct Hook {
    links: Links<Hook>,
    call: UnsafeCell<Option<Call>>,
}

// SAFETY: the links are used under the node's lock, the closure, which is `Send`, by the one who took the hook off the list.
unsafe impl Send for Hook {}
// SAFETY: as above.
unsafe impl Sync for Hook {}

// SAFETY: the links are a field of their own that only the list touches.
unsafe impl Listed for Hook {
    fn links(this: NonNull<Self>) -> NonNull<Links<Self>> {
        // SAFETY: a listed hook is live.
        unsafe { NonNull::new_unchecked(&raw mut (*this.as_ptr()).links) }
    }
}

/// A hook that has been taken off its list: the closure is the holder's.
pub(super) struct Unlisted(Arc<Hook>);

impl Hook {
    /// Takes over the reference of the list that `hook` has just been taken off.
    ///
    /// # Safety
    ///
    /// The caller has taken it off, under the node's lock.
    pub(super) unsafe fn from_list(hook: NonNull<Hook>) -> Unlisted {
        // SAFETY: the list's reference came from `Arc::into_raw`.
        Unlisted(unsafe { Arc::from_raw(hook.as_ptr()) })
    }
}

impl Unlisted {
    /// Calls it. A panic is reported and ends here.
    pub(super) fn call(self, why: &Cause) {
        if let Some(call) = self.take() {
            call_quietly(|| call(why));
        }
    }

    fn take(&self) -> Option<Call> {
        // SAFETY: the hook is off its list, so the closure is ours.
        unsafe { (*self.0.call.get()).take() }
    }
}

impl Drop for Unlisted {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// Keeps a hook registered; dropping it takes the hook back, if it has not been called yet.
///
/// A hook that is just being called by another thread is not waited for.
#[must_use = "dropping the guard takes the hook back; `keep` leaves it in place"]
pub struct HookGuard(Option<(NodeRef, Arc<Hook>)>);

impl HookGuard {
    /// Registers `call` with `node`, or calls it at once if that has been cancelled.
    pub(super) fn register(node: &NodeRef, call: Call) -> HookGuard {
        let hook = Arc::new(Hook { links: Links::new(), call: UnsafeCell::new(Some(call)) });
        match node.lock_open() {
            Some(mut attached) => {
                // SAFETY: an `Arc` is not null. The list's reference keeps the hook until it is taken off.
                unsafe { attached.hooks.push_back(NonNull::new_unchecked(Arc::into_raw(hook.clone()).cast_mut())) };
                drop(attached);
                HookGuard(Some((node.clone(), hook)))
            }
            None => {
                Unlisted(hook).call(node.cause().unwrap_or(&Cause::Cancelled));
                HookGuard(None)
            }
        }
    }

    /// Leaves the hook in place for as long as its token lives.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        let Some((node, hook)) = self.0.take() else { return };
        // SAFETY: an `Arc` is not null. The pointer is that of the `Arc`, by which the list's reference is given back.
        let raw = unsafe { NonNull::new_unchecked(Arc::as_ptr(&hook).cast_mut()) };
        // SAFETY: the hook is live, and is on the list of this node or on none.
        let was_listed = unsafe { node.lock().hooks.remove(raw) };
        if was_listed {
            // SAFETY: we have taken it off the list. The lock is released: the closure is user data.
            drop(unsafe { Hook::from_list(raw) });
        }
    }
}

impl fmt::Debug for HookGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookGuard").finish_non_exhaustive()
    }
}
