// SPDX-License-Identifier: BSD-3-Clause
//! [`StaticRuntime`]: the memory of a runtime in a static.
#![expect(unsafe_code, reason = "makes a runtime in memory that is there for ever")]

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::SCHEDULER;
use super::build_error::BuildError;
#[cfg(feature = "alloc")]
use super::config::PanicPolicy;
use super::config::{Config, Name};
use super::idle::MAX_WORKERS;
use super::local_runtime::LocalRuntime;
#[cfg(feature = "alloc")]
use super::placing::checked_class;
use super::runtime::{Fixed, Inner};
use super::runtime_ref::{RuntimeRef, Storage};
use super::worker::Worker;
use super::worker_threads::start_workers;
use crate::platform::Platform;
use crate::primitive::atomic::{AtomicBool, Ordering};
use crate::trace::Hook;

/// Memory for a runtime of up to `WORKERS` workers: the one scheduler, without an allocator.
///
/// It is built once in a program's life, and drives like any [`LocalRuntime`]: its worker 0 is the thread or core that built
/// it. Its coroutines lie in [`Slot`](super::Slot)s; where there is an allocator, also on the heap.
///
/// ```no_run
/// use kcoro_core::platform::Platform;
/// use kcoro_core::sched::{Slot, StaticRuntime, spawn_static};
///
/// static RUNTIME: StaticRuntime<4> = StaticRuntime::new();
/// // SAFETY: what runs in them needs far less.
/// static ROOT: Slot<16384> = unsafe { Slot::new_unguarded() };
/// static CHILD: Slot<16384> = unsafe { Slot::new_unguarded() };
///
/// fn start(platform: &'static dyn Platform) {
///     let runtime = RUNTIME.build_local(platform).expect("it is built once");
///     let sum = runtime.run_static(&ROOT, || {
///         let child = spawn_static(&CHILD, || 2).expect("the slot is free");
///         1 + child.join().expect("it returns")
///     });
///     assert_eq!(sum.expect("the root returns"), 3);
/// }
/// ```
pub struct StaticRuntime<const WORKERS: usize> {
    is_built: AtomicBool,
    // Written by who has set `is_built`, and never again.
    inner: UnsafeCell<MaybeUninit<Inner>>,
    workers: UnsafeCell<[MaybeUninit<Worker>; WORKERS]>,
}

// SAFETY: one caller, which `is_built` decides, writes both before it shows them to anyone; they are `Sync`.
unsafe impl<const WORKERS: usize> Sync for StaticRuntime<WORKERS> where Inner: Send + Sync {}

impl<const WORKERS: usize> StaticRuntime<WORKERS> {
    /// The memory; it takes no room in an image.
    #[expect(clippy::new_without_default, reason = "it is of use in a static only")]
    pub const fn new() -> Self {
        const { assert!(WORKERS > 0 && WORKERS <= MAX_WORKERS, "a runtime has at least one worker, and at most 1024") };
        Self {
            is_built: AtomicBool::new(false),
            inner: UnsafeCell::new(MaybeUninit::uninit()),
            workers: UnsafeCell::new([const { MaybeUninit::uninit() }; WORKERS]),
        }
    }

    /// Builds the runtime, with as many workers as the machine can run at the same time, at most `WORKERS`. Worker 0 is the
    /// calling thread or core, while that is in [`LocalRuntime::run_static`]; the others have their own.
    ///
    /// # Errors
    ///
    /// [`BuildError::AlreadyBuilt`] if that was tried before, also in vain. Else see [`BuildError`].
    pub fn build_local(&'static self, platform: &'static dyn Platform) -> Result<LocalRuntime, BuildError> {
        let config = config(platform)?;
        // Relaxed: who is second looks at nothing.
        if self.is_built.swap(true, Ordering::Relaxed) {
            return Err(BuildError::AlreadyBuilt);
        }
        let inner = self.make(platform, config);
        platform.adopt_worker(0).map_err(|why| BuildError::Worker { index: 0, why })?;
        start_workers(&inner, 1)?;
        Ok(LocalRuntime::new(inner))
    }

    fn make(&'static self, platform: &'static dyn Platform, config: Config) -> RuntimeRef {
        let workers = platform.parallelism().get().min(WORKERS);
        let platform = Fixed(NonNull::from(platform));
        // SAFETY: `is_built` has let us in, and nobody else ever.
        let (inner, places) = unsafe { (&mut *self.inner.get(), &mut *self.workers.get()) };
        let inner = NonNull::from(inner.write(Inner::new(platform, workers, config, Storage::Static)));
        let places = &mut places[..workers];
        for (index, place) in places.iter_mut().enumerate() {
            place.write(Worker::new(index, inner.as_ptr(), &SCHEDULER));
        }
        let first = NonNull::from(places).cast::<Worker>();
        // SAFETY: all of these have been written, and nobody else has the runtime yet.
        unsafe { (*inner.as_ptr()).workers = Fixed(NonNull::slice_from_raw_parts(first, workers)) };
        // SAFETY: this is a static.
        unsafe { RuntimeRef::of_static(inner) }
    }
}

/// With an allocator there is a builder that asks for more.
fn config(_platform: &dyn Platform) -> Result<Config, BuildError> {
    Ok(Config {
        name: Name::from("kcoro"),
        #[cfg(feature = "alloc")]
        stack_class: checked_class(_platform, _platform.stack_limits().default_bytes).map_err(BuildError::Stack)?,
        limit: None,
        #[cfg(feature = "alloc")]
        on_panic: None,
        #[cfg(feature = "alloc")]
        panic_policy: PanicPolicy::Report,
        trace: Hook::none(),
    })
}

impl<const WORKERS: usize> fmt::Debug for StaticRuntime<WORKERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticRuntime").field("most_workers", &WORKERS).finish_non_exhaustive()
    }
}
