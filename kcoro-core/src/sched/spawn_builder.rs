// SPDX-License-Identifier: BSD-3-Clause
//! [`Builder`]: how a coroutine is to be made, and where it first waits for its turn.
#![expect(unsafe_code, reason = "puts new tasks into queues; offers migration as an unsafe option")]

use core::panic::Location;
use core::ptr::NonNull;

use super::join::JoinHandle;
#[cfg(feature = "alloc")]
use super::placing::checked_class;
use super::placing::{current_worker_of, enqueue, less_burdened};
use super::runtime::Inner;
use super::runtime_ref::RuntimeRef;
use super::scope_link::ScopeOf;
use super::task_core::{AtSpawn, NewTask, PartsOfSpawn, TaskCell, TaskCore};
use super::worker::Worker;
use crate::task::header::{Header, Options, TaskRef};
use crate::task::schedule::Place;
use crate::trace::Event;
use crate::wait::enter;

use super::spawn::SpawnError;

/// Where a new coroutine first waits for its turn.
#[derive(Clone, Copy)]
enum Placement {
    /// Wherever a worker is free first.
    Anywhere,
    /// On this worker.
    Worker(usize),
    /// On the worker that spawns it.
    Here,
}

/// What to do when the runtime's limit, or that of a scope, is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtLimit {
    Wait,
    Fail,
}

/// How a coroutine is to be made.
///
/// ```
/// # use kcoro_core::sched::{Builder, SpawnError};
/// // Outside of a runtime there is nobody to run it:
/// let refused = Builder::new().name("worker").stack_size(64 * 1024).spawn(|| 1);
/// assert_eq!(refused.unwrap_err(), SpawnError::NoRuntime);
/// ```
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder<'a> {
    runtime: Option<&'a RuntimeRef>,
    name: Option<&'static str>,
    stack_size_bytes: Option<usize>,
    options: Options,
    placement: Placement,
    at_limit: AtLimit,
    spawn_site: Option<&'static Location<'static>>,
    at_spawn: Option<&'a dyn AtSpawn>,
}

impl Default for Builder<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Builder<'a> {
    /// A coroutine of the current coroutine's runtime.
    pub const fn new() -> Self {
        Self {
            runtime: None,
            name: None,
            stack_size_bytes: None,
            options: Options::NONE,
            placement: Placement::Anywhere,
            at_limit: AtLimit::Wait,
            spawn_site: None,
            at_spawn: None,
        }
    }

    /// Lets `at_spawn` take part in its life.
    #[cfg(feature = "alloc")]
    pub(crate) fn at_spawn(mut self, at_spawn: &'a dyn AtSpawn) -> Self {
        self.at_spawn = Some(at_spawn);
        self
    }

    /// A coroutine of `runtime`.
    pub(super) const fn on(runtime: &'a RuntimeRef) -> Self {
        Self { runtime: Some(runtime), ..Self::new() }
    }

    /// Names it, for reports. Names are for kinds of coroutines ("acceptor"); the number tells two of a kind apart.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Counts it as spawned at `site` instead of at the call, for code that spawns on behalf of others.
    pub const fn spawn_site(mut self, site: &'static Location<'static>) -> Self {
        self.spawn_site = Some(site);
        self
    }

    /// Gives it a stack of at least this many usable bytes, instead of the runtime's default.
    pub const fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size_bytes = Some(bytes);
        self
    }

    /// Lets it change rounding mode and other floating-point control: they are saved and restored around each of its
    /// suspensions. Without this they must be at their default at every suspension.
    pub const fn own_fp_control(mut self) -> Self {
        self.options = self.options.with(Options::OWN_FP_CONTROL);
        self
    }

    /// Records how much of its stack it uses: see [`JoinHandle::stack_high_water_bytes`]. Costs writing the whole stack
    /// once.
    pub const fn measure_stack(mut self) -> Self {
        self.options = self.options.with(Options::MEASURE_STACK);
        self
    }

    /// Starts it on worker `index` and nowhere else.
    pub const fn worker(mut self, index: usize) -> Self {
        self.placement = Placement::Worker(index);
        self
    }

    /// Starts it on the worker of the spawning coroutine and nowhere else, so that the two never run at the same time
    /// and hand over without a wake across cores.
    pub const fn near(mut self) -> Self {
        self.placement = Placement::Here;
        self
    }

    /// Fails with [`SpawnError::Full`] at the runtime's limit, or that of a scope, instead of waiting for room.
    pub const fn without_waiting(mut self) -> Self {
        self.at_limit = AtLimit::Fail;
        self
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn at_limit(&self) -> AtLimit {
        self.at_limit
    }

    /// Lets other workers take it over at any of its suspensions.
    ///
    /// # Safety
    ///
    /// Wherever the coroutine suspends (in any operation of kcoro that may wait, in anything that calls one), none of
    /// these may be live in it: a reference derived from thread-local storage (the compiler itself may keep a
    /// thread-local's address over a call), a value that is not `Send`, a guard of a lock, a value lent by
    /// `CoroutineLocal::with`.
    pub const unsafe fn allow_migration(mut self) -> Self {
        self.options = self.options.with(Options::MIGRATES);
        self
    }

    /// # Safety
    ///
    /// `body` and its output may go to another thread, or `placement` is `Here` and it does not migrate; what they borrow
    /// stays until the scope in `scope` has been told of the end.
    #[track_caller]
    pub(super) unsafe fn spawn_in<F, T, M>(
        self,
        memory: M,
        body: F,
        scope: ScopeOf,
    ) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T,
        M: CellMemory,
    {
        let caller = Location::caller();
        let spawn_site = self.spawn_site.unwrap_or(caller);
        if self.at_limit == AtLimit::Wait {
            // First, because the coroutine may come back on another worker.
            enter().charge();
        }
        let here = match Place::current() {
            // SAFETY: the calling worker is live; nothing suspends before the last use but `take_place`, after which
            // a coroutine that migrates asks again.
            Place::Coroutine(head, _) | Place::Base(head) => Some(unsafe { Worker::of_head(head) }),
            Place::Interrupt => return Err(SpawnError::InInterrupt),
            Place::Outside => None,
        };
        // The task keeps this pointer. Who wakes it from outside counts a reference by it, so it is the one that counts.
        let shared: *const Inner = match (self.runtime, here) {
            (Some(runtime), _) => runtime.as_ptr(),
            (None, Some(worker)) => worker.runtime,
            (None, None) => return Err(SpawnError::NoRuntime),
        };
        // SAFETY: the handle or the calling worker keeps the runtime alive during this call.
        let runtime = unsafe { &*shared };
        self.check(runtime)?;
        let stack_class = match M::STACK_CLASS {
            Some(class) => class,
            None => self.stack_class(runtime)?,
        };
        self.take_place(runtime)?;
        let here = here.and_then(|_| current_worker_of(runtime));
        if here.is_none() {
            runtime.note_outside();
        }
        let target = match self.placement {
            Placement::Anywhere => here.and_then(|here| less_burdened(here, self.options)),
            Placement::Worker(index) => Some(&runtime.workers()[index]),
            Placement::Here => Some(here.ok_or(SpawnError::NoRuntime).inspect_err(|_| give_back(runtime))?),
        };
        runtime.count_spawn(here).inspect_err(|_| give_back(runtime))?;
        let id = runtime.next_id(here);
        let options = self.options.with(M::OPTIONS);
        let parts = PartsOfSpawn { options, stack_class, id, name: self.name, spawn_site };
        let task = memory.put(NewTask { closure: body, parts, runtime: shared, scope });
        // SAFETY: one of the two references is the handle's, and the cell was made with this closure and output.
        let handle = unsafe { JoinHandle::new(TaskRef::from_raw(task), TaskCell::<F, T>::output_slot(task)) };
        if let Some(at_spawn) = self.at_spawn {
            // SAFETY: the task is live, and ours until it is queued.
            unsafe { TaskCore::of(task) }.at_end.set(Some(at_spawn.attach(task)));
        }
        runtime.tell(|by| Event::Spawned { coroutine: id, by, name: self.name, site: spawn_site });
        // SAFETY: the other reference is the scheduler's: the task is ours until it is queued.
        unsafe { enqueue(runtime, task, here, target) };
        Ok(handle)
    }

    /// Checks what was asked for.
    fn check(&self, runtime: &Inner) -> Result<(), SpawnError> {
        if runtime.is_closing() {
            return Err(SpawnError::Shutdown);
        }
        match self.placement {
            Placement::Worker(index) if index >= runtime.workers().len() => {
                Err(SpawnError::NoWorker { index, workers: runtime.workers().len() })
            }
            _ => Ok(()),
        }
    }

    /// The class of the stack that was asked for.
    #[cfg(feature = "alloc")]
    fn stack_class(&self, runtime: &Inner) -> Result<u8, SpawnError> {
        match self.stack_size_bytes {
            None => Ok(runtime.config.stack_class),
            Some(size_bytes) => checked_class(runtime.platform(), size_bytes).map_err(SpawnError::Stack),
        }
    }

    /// Where there is no allocator, all memory has a stack of its own.
    #[cfg(not(feature = "alloc"))]
    fn stack_class(&self, _runtime: &Inner) -> Result<u8, SpawnError> {
        Err(SpawnError::Stack(crate::stack::StackError::Unsupported("use a slot")))
    }

    fn take_place(&self, runtime: &Inner) -> Result<(), SpawnError> {
        let Some(places) = &runtime.places else { return Ok(()) };
        match self.at_limit {
            AtLimit::Wait => places.take(),
            AtLimit::Fail if places.try_take() => Ok(()),
            AtLimit::Fail => Err(SpawnError::Full { limit: places.limit() }),
        }
    }
}

fn give_back(runtime: &Inner) {
    if let Some(places) = &runtime.places {
        places.give_back();
    }
}

/// Where the cell of a new task is to lie.
pub(super) trait CellMemory {
    /// What its tasks are, beside what was asked for.
    const OPTIONS: Options;
    /// The class of their stacks, if that is not what was asked for.
    const STACK_CLASS: Option<u8>;

    /// Makes the task there.
    fn put<F: FnOnce() -> T, T>(self, new: NewTask<F>) -> NonNull<Header>;
}

#[cfg(feature = "alloc")]
struct Heap;

#[cfg(feature = "alloc")]
impl CellMemory for Heap {
    const OPTIONS: Options = Options::NONE;
    const STACK_CLASS: Option<u8> = None;

    #[inline(always)]
    fn put<F: FnOnce() -> T, T>(self, new: NewTask<F>) -> NonNull<Header> {
        TaskCell::allocate(new)
    }
}

/// What takes an allocator.
#[cfg(feature = "alloc")]
impl Builder<'_> {
    /// Spawns the coroutine.
    ///
    /// It may start on any worker, which is why `body` is `Send`. From its first resume on it stays on that worker, so
    /// what it makes inside need not be.
    ///
    /// It waits for room under a limit, and now and then it lets others run first, so that a coroutine that spawns in a loop
    /// keeps nobody waiting. One that is made [without waiting](Builder::without_waiting) does neither.
    ///
    /// # Errors
    ///
    /// See [`SpawnError`]; `body` is dropped.
    #[track_caller]
    pub fn spawn<F, T>(self, body: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: `'static` and `Send`.
        unsafe { self.spawn_unchecked(body, ScopeOf::NONE) }
    }

    /// Spawns the coroutine on the worker of the calling coroutine, where it stays: neither `body` nor its output need be
    /// `Send`.
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`], and [`SpawnError::NoRuntime`] when called from outside of a coroutine.
    #[track_caller]
    pub fn spawn_local<F, T>(mut self, body: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        self.placement = Placement::Here;
        self.options = Options(self.options.0 & !Options::MIGRATES.0);
        // SAFETY: it starts, runs and ends on the calling worker's thread; its handle is `Send` only if `T` is.
        unsafe { self.spawn_unchecked(body, ScopeOf::NONE) }
    }

    /// # Safety
    ///
    /// `body` and its output may go to another thread, or `placement` is `Here` and it does not migrate; what they borrow
    /// stays until the scope in `scope` has been told of the end.
    #[track_caller]
    pub(crate) unsafe fn spawn_unchecked<F, T>(self, body: F, scope: ScopeOf) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T,
    {
        // SAFETY: forwarded.
        unsafe { self.spawn_in(Heap, body, scope) }
    }
}
