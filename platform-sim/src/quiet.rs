// SPDX-License-Identifier: BSD-3-Clause
//! Keeps the panic hook quiet while a failure is repeated: its first panic has been reported, the others say no more.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

std::thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Calls `run`; panics on this thread are not reported meanwhile.
///
/// The first call puts a hook before the one of the process, once. It passes all other panics on.
pub(crate) fn quietly<R>(run: impl FnOnce() -> R) -> R {
    static CHAINED: Once = Once::new();
    if std::thread::panicking() {
        // A hook cannot be set here.
        return run();
    }
    CHAINED.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                hook(panic);
            }
        }));
    });
    struct Loud(bool);
    impl Drop for Loud {
        fn drop(&mut self) {
            IS_QUIET.set(self.0);
        }
    }
    let _before = Loud(IS_QUIET.replace(true));
    run()
}
