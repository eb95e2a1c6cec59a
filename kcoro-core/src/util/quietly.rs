// SPDX-License-Identifier: BSD-3-Clause
//! User code that is called where a panic must not go further.

/// Drops user data where a panic must not go further.
pub(crate) fn drop_quietly<T>(value: T) {
    call_quietly(|| drop(value));
}

/// Calls user code where a panic must not go further.
#[cfg(feature = "std")]
pub(crate) fn call_quietly(call: impl FnOnce()) {
    if let Err(payload) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)) {
        // The hook has reported it. Dropping the payload may panic again: it is leaked instead.
        core::mem::forget(payload);
    }
}

#[cfg(not(feature = "std"))]
pub(crate) fn call_quietly(call: impl FnOnce()) {
    call();
}
