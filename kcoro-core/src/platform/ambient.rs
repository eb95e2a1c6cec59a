// SPDX-License-Identifier: BSD-3-Clause
//! "Which worker am I": one pointer per thread or core.
//!
//! With feature `std` the core keeps it in a thread-local. Without, the backend registers how to read and write it with
//! [`ambient_worker!`](crate::ambient_worker), which defines two symbols that this module calls. A program with no
//! backend, or with two, fails to link with a message that names `_kcoro_ambient_1_get`: add exactly one bare-metal
//! backend. The number in the symbol is the version of this seam. With `std` the macro expands to nothing, so that
//! feature unification cannot break a build.
//!
//! The pointer is read through one function that is never inlined: a coroutine that migrates must not keep the address
//! of the old thread's thread-local in a register over a switch.
#![expect(unsafe_code, reason = "calls the backend's symbols; the pointer is opaque here")]

/// The value of the ambient pointer inside an interrupt or signal handler: waiting is refused, wakes take the path of a
/// foreign thread.
pub const INTERRUPT: *const () = core::ptr::without_provenance(1);

/// Under Miri a coroutine is a thread of its own: the pointer travels with its worker's baton.
#[cfg(all(feature = "std", miri))]
use crate::arch::host as imp;

#[cfg(all(feature = "std", not(miri)))]
mod imp {
    use core::cell::Cell;

    std::thread_local! {
        // Const-initialised and without a destructor: readable in a signal handler and while the thread ends.
        static WORKER: Cell<*const ()> = const { Cell::new(core::ptr::null()) };
    }

    #[inline(never)]
    pub(super) fn worker() -> *const () {
        WORKER.get()
    }

    #[inline(never)]
    pub(super) fn set_worker(worker: *const ()) {
        WORKER.set(worker);
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    unsafe extern "Rust" {
        safe fn _kcoro_ambient_1_get() -> *const ();
        safe fn _kcoro_ambient_1_set(worker: *const ());
    }

    #[inline(never)]
    pub(super) fn worker() -> *const () {
        _kcoro_ambient_1_get()
    }

    #[inline(never)]
    pub(super) fn set_worker(worker: *const ()) {
        _kcoro_ambient_1_set(worker);
    }
}

/// The current worker: null outside of one, [`INTERRUPT`] in a handler.
#[inline]
pub(crate) fn worker() -> *const () {
    imp::worker()
}

/// Makes `worker` the ambient pointer of this thread or core and returns the one before.
///
/// # Safety
///
/// `worker` is null, [`INTERRUPT`], or points to a live worker of the core that runs on this thread or core.
pub(crate) unsafe fn set_worker(worker: *const ()) -> *const () {
    let before = imp::worker();
    imp::set_worker(worker);
    before
}

/// The thread that runs the caller's flow of control. Under Miri a coroutine has a thread of its own, and this is the one
/// that runs it everywhere else.
#[cfg(feature = "std")]
#[doc(hidden)]
pub fn host_thread() -> std::thread::ThreadId {
    #[cfg(miri)]
    return imp::thread();
    #[cfg(not(miri))]
    std::thread::current().id()
}

/// The ambient pointer of a context that does not run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerContext(*const ());

impl WorkerContext {
    /// That of a context which is in no worker.
    pub const OUTSIDE: WorkerContext = WorkerContext(core::ptr::null());
}

/// Puts `context` in force on this thread or core and returns the one that was. For backends that run several workers in
/// turn on one thread: around each resume of a worker, its own context goes in, and comes out again.
///
/// # Safety
///
/// `context` is [`WorkerContext::OUTSIDE`] or was returned by an exchange on the same thread or core. While it is in
/// force, only the flow of control that it was taken from runs there, or one that has not become a worker yet if it is
/// `OUTSIDE`; and that worker's runtime is alive.
pub unsafe fn exchange(context: WorkerContext) -> WorkerContext {
    let before = imp::worker();
    imp::set_worker(context.0);
    WorkerContext(before)
}

/// Runs `handler` as an interrupt or signal handler: inside, operations that would wait are refused with
/// `CannotWait::InInterrupt`, and wakes take the path of a foreign thread.
///
/// What a handler may wake depends on the platform. The core's locks mask interrupts where the backend registers how; they
/// block no *signals*. A signal handler that wakes a coroutine may have interrupted the holder of a lock that the wake takes,
/// and would then spin for ever: let it write to a pipe or set a flag, and wake from a thread.
///
/// Wrap the body of every handler that may interrupt a worker and that uses kcoro. A handler is like a foreign thread, so
/// it is `Send`; this also keeps it from suspending a [`Coroutine`](crate::coroutine::Coroutine) that it is called in,
/// which would leave the resumer in interrupt context.
pub fn in_interrupt<R>(handler: impl FnOnce() -> R + Send) -> R {
    struct Restore(*const ());
    impl Drop for Restore {
        fn drop(&mut self) {
            imp::set_worker(self.0);
        }
    }
    let _restore = Restore(imp::worker());
    imp::set_worker(INTERRUPT);
    handler()
}

/// Registers how this backend keeps the ambient worker pointer and masks interrupts; for builds of kcoro-core without `std`.
///
/// `get` is a `fn() -> *const ()`, `set` a `fn(*const ())`. Where interrupt handlers use kcoro, `mask_interrupts` and
/// `unmask_interrupts` are each a `fn()`; without handlers leave them out. `are_interrupts_masked`, a `fn() -> bool`, may follow
/// them, for the scheduler to ask at each suspension: one with interrupts masked (in a critical section of a driver, say) ends
/// the program with a message. Use the macro once in a program.
///
/// # Safety
///
/// The `unsafe` is part of the call: the core dereferences what `get` returns. That is what was last `set` on the calling
/// thread or core, and null before the first `set`. Both may be called from interrupt handlers, and neither calls back.
///
/// From `mask_interrupts` on no handler runs on the calling core until as many `unmask_interrupts` have followed; then it is as
/// it was before. The core calls them around each of its locks, also inside of handlers, and suspends nothing in between.
///
/// ```
/// # mod backend {
/// # pub fn get() -> *const () { core::ptr::null() }
/// # pub fn set(_: *const ()) {}
/// // SAFETY: there is one core, whose pointer lies in one cell.
/// kcoro_core::ambient_worker!(unsafe { get = get, set = set });
/// # }
/// ```
#[cfg(not(feature = "std"))]
#[macro_export]
macro_rules! ambient_worker {
    (unsafe { get = $get:path, set = $set:path $(,)? }) => {
        const _: () = {
            fn no_interrupts() {}
            $crate::ambient_worker!(unsafe {
                get = $get,
                set = $set,
                mask_interrupts = no_interrupts,
                unmask_interrupts = no_interrupts,
            });
        };
    };
    (unsafe {
        get = $get:path,
        set = $set:path,
        mask_interrupts = $mask:path,
        unmask_interrupts = $unmask:path $(,)?
    }) => {
        const _: () = {
            fn nobody_asks() -> bool {
                false
            }
            $crate::ambient_worker!(unsafe {
                get = $get,
                set = $set,
                mask_interrupts = $mask,
                unmask_interrupts = $unmask,
                are_interrupts_masked = nobody_asks,
            });
        };
    };
    (unsafe {
        get = $get:path,
        set = $set:path,
        mask_interrupts = $mask:path,
        unmask_interrupts = $unmask:path,
        are_interrupts_masked = $are_masked:path $(,)?
    }) => {
        const _: () = {
            #[unsafe(no_mangle)]
            fn _kcoro_ambient_1_are_interrupts_masked() -> bool {
                $are_masked()
            }
            #[unsafe(no_mangle)]
            fn _kcoro_ambient_1_mask_interrupts() {
                $mask()
            }
            #[unsafe(no_mangle)]
            fn _kcoro_ambient_1_unmask_interrupts() {
                $unmask()
            }
            #[unsafe(no_mangle)]
            fn _kcoro_ambient_1_get() -> *const () {
                $get()
            }
            #[unsafe(no_mangle)]
            fn _kcoro_ambient_1_set(worker: *const ()) {
                $set(worker)
            }
            // Used, and named differently in each crate, so that the linker takes this object even when it has found
            // another registration already: only then it sees that there are two.
            #[used]
            static REGISTRATION: (fn() -> *const (), fn(*const ())) = (_kcoro_ambient_1_get, _kcoro_ambient_1_set);
        };
    };
}

/// With `std` the core keeps the pointer itself: this expands to nothing.
#[cfg(feature = "std")]
#[macro_export]
macro_rules! ambient_worker {
    (unsafe { get = $get:path, set = $set:path $(,)? }) => {};
    (unsafe {
        get = $get:path,
        set = $set:path,
        mask_interrupts = $mask:path,
        unmask_interrupts = $unmask:path
        $(, are_interrupts_masked = $are_masked:path)? $(,)?
    }) => {};
}
