// SPDX-License-Identifier: BSD-3-Clause
//! The shared heart of a runtime: its workers, its injector, its phase.
#![expect(unsafe_code, reason = "platform and workers behind pointers that the runtime may own; tasks by raw pointer")]

use core::ptr::NonNull;

use super::config::Config;
#[cfg(feature = "alloc")]
use super::config::{PanicPolicy, UnobservedPanic};
use super::ends::Ends;
use super::idle::IdleSet;
use super::inbox::Pushed;
use super::injector::Injector;
use super::limit::Places;
use super::phase::{Phase, PhaseWord};
use super::runtime_ref::Storage;
use super::spawn::SpawnError;
use super::stats::Stats;
use super::worker::Worker;
use crate::platform::Platform;
use crate::primitive::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use crate::task::header::Header;
use crate::task::schedule::{Place, WorkerHead};

/// What a runtime has for as long as it lives: in a box of its own, or in a static.
pub(super) struct Fixed<T: ?Sized>(pub(super) NonNull<T>);

// SAFETY: it stands for the value itself, which it shares.
unsafe impl<T: ?Sized + Send + Sync> Send for Fixed<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for Fixed<T> {}

impl<T: ?Sized> core::ops::Deref for Fixed<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: whoever made the runtime has put it there, and it goes after everything else of the runtime.
        unsafe { self.0.as_ref() }
    }
}

/// See the [module](self).
pub(super) struct Inner {
    pub(super) platform: Fixed<dyn Platform>,
    pub(super) workers: Fixed<[Worker]>,
    pub(super) storage: Storage,
    pub(super) injector: Injector<Header>,
    pub(super) idle: IdleSet,
    pub(super) phase: PhaseWord,
    pub(super) config: Config,
    /// Spawned by threads that are no workers of this runtime.
    foreign_spawned: AtomicU64,
    /// Ended without having started, by threads that found the workers gone.
    pub(super) foreign_rejected: AtomicU64,
    next_foreign_id: AtomicU64,
    /// Places for live coroutines, where there is a limit.
    pub(super) places: Option<Places>,
    pub(super) ends: Ends,
    /// Whose turn it is to get a timer that is armed from outside.
    pub(super) next_timer_worker: AtomicUsize,
    /// Nobody waits for the end: the last coroutine stops the workers.
    orphaned: AtomicBool,
}

impl Inner {
    /// A runtime that has no workers yet.
    pub(super) fn new(platform: Fixed<dyn Platform>, workers: usize, config: Config, storage: Storage) -> Inner {
        let limit = config.limit;
        Inner {
            platform,
            workers: Fixed(NonNull::from(&mut [])),
            storage,
            injector: Injector::new(),
            idle: IdleSet::new(workers),
            phase: PhaseWord::new(),
            config,
            foreign_spawned: AtomicU64::new(0),
            foreign_rejected: AtomicU64::new(0),
            next_foreign_id: AtomicU64::new(0),
            places: limit.map(Places::new),
            ends: Ends::new(),
            next_timer_worker: AtomicUsize::new(0),
            orphaned: AtomicBool::new(false),
        }
    }

    #[inline(always)]
    pub(super) fn platform(&self) -> &dyn Platform {
        &*self.platform
    }

    #[inline(always)]
    pub(super) fn workers(&self) -> &[Worker] {
        &self.workers
    }

    #[inline]
    pub(super) fn is_closing(&self) -> bool {
        self.phase.get() != Phase::Open
    }

    #[cfg(feature = "alloc")]
    pub(super) fn has_stopped(&self) -> bool {
        self.phase.get() == Phase::Stopped
    }

    /// Whether `head` is one of this runtime's workers.
    pub(super) fn worker_of(&self, head: NonNull<WorkerHead>) -> Option<&Worker> {
        let address = head.as_ptr().addr();
        let range = self.workers.as_ptr_range();
        (range.start.addr() <= address && address < range.end.addr())
            // SAFETY: the head lies in our array of workers, so it is the first field of one of them.
            .then(|| unsafe { Worker::of_head(head) })
    }

    /// Wakes a sleeping worker, if there is one and nobody is searching already. Says whether it did.
    pub(super) fn wake_one_worker(&self) -> bool {
        let Some(index) = self.idle.worker_to_wake() else { return false };
        self.platform.wake(index);
        true
    }

    /// A searching worker has found work. If it was the last one, pushers relied on it: another takes its place.
    pub(super) fn note_work_found(&self) {
        if let Some(index) = self.idle.found_work() {
            self.platform.wake(index);
        }
    }

    /// Sends a bound task to its worker from elsewhere.
    ///
    /// # Safety
    ///
    /// The caller owns the task, whose home is `worker`, and this runtime stays alive during the call.
    pub(super) unsafe fn send_home(&self, worker: &Worker, task: NonNull<Header>) {
        // SAFETY: the caller owns the task.
        let Pushed { owner_was_sleeping } = unsafe { worker.shared.inbox.push(task) };
        if owner_was_sleeping {
            self.platform.wake(worker.index);
        }
    }

    /// Tells who makes the choices, if the workers do not, that the caller is none of the workers.
    pub(super) fn note_outside(&self) {
        if let Some(choices) = self.platform.choices() {
            choices.comes_from_outside();
        }
    }

    /// Whether the caller is none of this runtime's workers.
    pub(super) fn caller_is_outside(&self) -> bool {
        match Place::current() {
            Place::Coroutine(head, _) | Place::Base(head) => self.worker_of(head).is_none(),
            Place::Interrupt | Place::Outside => true,
        }
    }

    /// Queues a task that any worker may take, from outside.
    ///
    /// # Safety
    ///
    /// The caller owns the task, and this runtime stays alive during the call.
    pub(super) unsafe fn inject(&self, task: NonNull<Header>) {
        // SAFETY: the caller owns the task.
        unsafe { self.injector.push(task) };
        self.wake_one_worker();
    }

    /// The worker with the fewest coroutines bound to it, if it has far fewer than `here`: the one to start new ones on.
    pub(super) fn less_burdened(&self, here: &Worker) -> Option<&Worker> {
        const SLACK: i64 = 128;
        let least = self.workers.iter().min_by_key(|worker| worker.shared.counters.bound())?;
        (here.shared.counters.bound() > least.shared.counters.bound().max(0) * 2 + SLACK).then_some(least)
    }

    /// The number of a coroutine spawned by worker `worker` (or by a thread that is none).
    pub(super) fn next_id(&self, worker: Option<&Worker>) -> u64 {
        let stride = self.workers.len() as u64 + 1;
        match worker {
            // Each worker counts for itself, so that no line is shared.
            Some(worker) => {
                worker.local.next_id.replace(worker.local.next_id.get() + 1) * stride + worker.index as u64 + 1
            }
            None => (self.next_foreign_id.fetch_add(1, Ordering::Relaxed) + 1) * stride,
        }
    }

    /// Counts a spawn, from when on the workers stay until it has ended. Fails if the runtime closes.
    #[inline]
    pub(super) fn count_spawn(&self, worker: Option<&Worker>) -> Result<(), SpawnError> {
        match worker {
            // The spawning coroutine is counted itself: the workers stay as long as it does.
            Some(worker) => worker.shared.counters.spawned.bump(),
            None => {
                self.foreign_spawned.fetch_add(1, Ordering::Release);
                // Against the fence of `close`: either we see its phase, or it sees our count and waits for the end.
                fence(Ordering::SeqCst);
                if self.is_closing() {
                    self.foreign_spawned.fetch_sub(1, Ordering::Release);
                    // Whoever waits for the last coroutine may have seen our count.
                    self.note_ended_while_closing();
                    return Err(SpawnError::Shutdown);
                }
            }
        }
        Ok(())
    }

    /// A coroutine has ended: gives its place back, and tells who waits for the last one.
    #[inline]
    pub(super) fn note_ended(&self) {
        if let Some(places) = &self.places {
            places.give_back();
        }
        if self.is_closing() {
            self.note_ended_while_closing();
        }
    }

    #[cold]
    pub(super) fn note_ended_while_closing(&self) {
        if !self.ends.tell(|| self.live_count()) {
            return;
        }
        if self.orphaned.load(Ordering::Acquire) {
            self.phase.advance(Phase::Stopped);
        }
        // A local runtime's owner drives, and so waits as a worker.
        self.wake_all();
    }

    /// From now on the last coroutine to end stops the workers.
    pub(super) fn orphan(&self) {
        self.orphaned.store(true, Ordering::Release);
    }

    /// Coroutines that have been spawned and have not ended. Exact when nobody spawns or ends one meanwhile.
    pub(super) fn live_count(&self) -> u64 {
        // Ends first: an end that is counted has its spawn counted, too.
        let late = self.foreign_rejected.load(Ordering::Acquire);
        let ended =
            self.workers.iter().map(|worker| &worker.shared.counters).fold(late, |sum, counters| {
                sum.wrapping_add(counters.ended.get()).wrapping_add(counters.rejected.get())
            });
        let spawned = self.workers.iter().fold(self.foreign_spawned.load(Ordering::Acquire), |sum, worker| {
            sum.wrapping_add(worker.shared.counters.spawned.get())
        });
        spawned.wrapping_sub(ended)
    }

    pub(super) fn stats(&self) -> Stats {
        let mut stats = Stats { spawned: self.foreign_spawned.load(Ordering::Acquire), ..Stats::default() };
        stats.ended = self.foreign_rejected.load(Ordering::Acquire);
        for worker in self.workers() {
            stats.add(&worker.shared.counters);
        }
        stats
    }

    /// Tells the builder's hook of a panic that nobody will see.
    #[cfg(feature = "alloc")]
    pub(super) fn note_unobserved_panic(&self, header: &Header) {
        if let Some(on_panic) = &self.config.on_panic {
            super::task_core::call_quietly(|| {
                on_panic(&UnobservedPanic { id: header.id, name: header.name, spawn_site: header.spawn_site });
            });
        }
        if self.config.panic_policy == PanicPolicy::Shutdown {
            super::shutdown::close(self);
        }
    }
}
