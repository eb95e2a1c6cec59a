// SPDX-License-Identifier: BSD-3-Clause
//! The shared heart of a runtime: its workers, its injector, its phase.
#![expect(unsafe_code, reason = "a platform behind a pointer that the runtime may own; tasks by raw pointer")]

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr::NonNull;

use super::ends::Ends;
use super::idle::IdleSet;
use super::inbox::Pushed;
use super::injector::Injector;
use super::limit::Places;
use super::phase::{Phase, PhaseWord};
use super::spawn::SpawnError;
use super::stats::Stats;
use super::worker::Worker;
use crate::platform::Platform;
use crate::primitive::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use crate::task::header::Header;
use crate::task::schedule::{Place, WorkerHead};
use crate::trace::Hook;

/// What the builder decided.
pub(super) struct Config {
    pub(super) name: String,
    pub(super) stack_class: u8,
    pub(super) limit: Option<usize>,
    pub(super) on_panic: Option<PanicHook>,
    pub(super) panic_policy: PanicPolicy,
    pub(super) trace: Hook,
}

/// What a runtime does about a coroutine that panics when nobody will see it, because its handle is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanicPolicy {
    /// The panic hook prints it, as for any panic, and the builder's hook, if any, is told. The others go on.
    #[default]
    Report,
    /// After that the runtime closes: it takes no new coroutines and cancels all others.
    Shutdown,
}

/// What is told of panics that nobody will see.
pub(super) type PanicHook = Box<dyn Fn(&UnobservedPanic<'_>) + Send + Sync>;

/// A panic that nobody will see, because the coroutine's handle is gone.
#[derive(Debug)]
#[non_exhaustive]
pub struct UnobservedPanic<'a> {
    /// The coroutine's number.
    pub id: u64,
    /// Its name, if it has one.
    pub name: Option<&'a str>,
    /// Where it was spawned.
    pub spawn_site: &'static core::panic::Location<'static>,
}

/// See the [module](self).
pub(super) struct Inner {
    platform: Box<dyn Platform>,
    workers: Vec<Worker>,
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
    pub(super) fn new(platform: Box<dyn Platform>, workers: usize, config: Config) -> Arc<Inner> {
        let limit = config.limit;
        let mut inner = Arc::new(Inner {
            platform,
            workers: Vec::new(),
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
        });
        let address = Arc::as_ptr(&inner);
        let made = (0..workers).map(|index| Worker::new(index, address, &super::SCHEDULER)).collect();
        Arc::get_mut(&mut inner).expect("nobody else has it yet").workers = made;
        inner
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
        for worker in &self.workers {
            stats.add(&worker.shared.counters);
        }
        stats
    }

    /// Tells the builder's hook of a panic that nobody will see.
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
