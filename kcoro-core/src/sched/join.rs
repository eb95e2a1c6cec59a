// SPDX-License-Identifier: BSD-3-Clause
//! Waiting for a coroutine's end: the join cell and [`JoinHandle`].
#![expect(unsafe_code, reason = "takes the output out of the task's cell")]

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::panic::Location;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::join_cell::{JoinCell, WaitEnd};
use super::join_error::{JoinError, TryJoinError};
use super::runtime::Inner;
use super::task_core::{OutputSlot, TaskCore, drop_quietly, take_output};
use crate::primitive::atomic::Ordering;
use crate::task::claim::Accepts;
use crate::task::header::TaskRef;
use crate::task::schedule::Place;
use crate::task::wait_record::WaitsFor;
use crate::time::ns_of;
use crate::wait::wake::make_ready;
use crate::wait::{Limit, WaitError, enter};

/// The right to wait for a coroutine's end and to take its output.
///
/// Dropping it detaches the coroutine: it runs on, and its output is dropped when it ends. The handle is a [`Future`],
/// too.
///
/// It can be used from coroutines of any runtime, from plain threads (feature `std`) and from async code.
#[must_use = "dropping the handle detaches the coroutine; use `detach` to say so"]
pub struct JoinHandle<T> {
    task: TaskRef,
    slot: OutputSlot,
    taken: bool,
    _output: PhantomData<T>,
}

// SAFETY: the handle gives its holder the output, which `T: Send` allows to come from another thread.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives no access to the output.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    ///
    /// `task` was made with output type `T`, `slot` is where its output will be, and this is its only handle.
    pub(super) unsafe fn new(task: TaskRef, slot: OutputSlot) -> Self {
        Self { task, slot, taken: false, _output: PhantomData }
    }

    fn core(&self) -> &TaskCore {
        // SAFETY: the handle's reference keeps the task alive.
        unsafe { TaskCore::of(self.task.as_ptr()) }
    }

    pub(super) fn cell(&self) -> &JoinCell {
        &self.core().join
    }

    fn runtime(&self) -> *const Inner {
        self.core().runtime
    }

    pub(crate) fn task(&self) -> &TaskRef {
        &self.task
    }

    /// Waits for the coroutine's end and returns its output. A cancellation point, also where the coroutine has ended: as
    /// everywhere, a cancel comes before what is ready. Who wants the output all the same takes it by
    /// [`JoinHandle::try_join`], which is none, or joins behind a [`shield`](crate::cancel::shield).
    ///
    /// # Errors
    ///
    /// See [`JoinError`]. When the wait itself ends early (`Wait`, `Itself`) the coroutine is detached, and its output is
    /// dropped; use [`JoinHandle::join_mut`] to keep the handle.
    pub fn join(mut self) -> Result<T, JoinError> {
        self.join_mut()
    }

    /// As [`JoinHandle::join`]; the handle, and with it the output, stays if the wait itself ended early.
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn join_mut(&mut self) -> Result<T, JoinError> {
        match self.wait_and_take(Limit::Never) {
            Ok(output) => Ok(output),
            Err(TryJoinError::Failed(why)) => Err(why),
            Err(TryJoinError::NotYet) => unreachable!("a join without a deadline cannot time out"),
        }
    }

    /// As [`JoinHandle::join`], but not even a cancel of the joining coroutine ends the wait. The caller can wait.
    #[cfg(feature = "alloc")]
    pub(super) fn join_to_the_end(mut self) -> Result<T, JoinError> {
        while !self.is_finished() {
            // A refusal cannot come: the caller can wait, nothing that the wait accepts is pending, it is not the
            // coroutine itself, which has only just been spawned, and who could shut the runtime down is the caller.
            if let Err(why) = self.wait(Accepts::NOTHING, Limit::Never) {
                super::fatal(format_args!("the root coroutine cannot be waited for: {why}"));
            }
        }
        match self.take() {
            Ok(output) => Ok(output),
            Err(TryJoinError::Failed(why)) => Err(why),
            Err(TryJoinError::NotYet) => unreachable!("it has ended"),
        }
    }

    /// Waits at most `timeout` for the coroutine's end.
    ///
    /// # Errors
    ///
    /// [`TryJoinError::NotYet`] when it has not ended in time; the handle can be used again.
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<T, TryJoinError> {
        self.wait_and_take(Limit::AfterNs(ns_of(timeout)))
    }

    /// The output, if the coroutine has ended. Never waits.
    ///
    /// # Errors
    ///
    /// [`TryJoinError::NotYet`] when it has not.
    pub fn try_join(&mut self) -> Result<T, TryJoinError> {
        if !self.is_finished() {
            return Err(TryJoinError::NotYet);
        }
        self.take()
    }

    fn take(&mut self) -> Result<T, TryJoinError> {
        if core::mem::replace(&mut self.taken, true) {
            return Err(TryJoinError::Failed(JoinError::AlreadyTaken));
        }
        // SAFETY: the coroutine has ended and this is its only handle, so the output is ours; it is taken once.
        unsafe { take_output(self.slot) }.map_err(TryJoinError::Failed)
    }

    fn wait_and_take(&mut self, limit: Limit) -> Result<T, TryJoinError> {
        if enter().check_cancelled().is_err() {
            return Err(TryJoinError::Failed(JoinError::Wait(WaitError::Cancelled)));
        }
        if !self.is_finished() {
            self.wait(Accepts::CANCEL, limit)?;
        }
        self.take()
    }

    /// Waits for the end.
    fn wait(&self, accepts: Accepts, limit: Limit) -> Result<(), TryJoinError> {
        let joiner = Place::coroutine();
        if joiner == Some(self.task.as_ptr()) {
            return Err(TryJoinError::Failed(JoinError::Itself));
        }
        // SAFETY: the joiner is the running coroutine, which is live.
        let elsewhere = joiner.is_some_and(|joiner| unsafe { TaskCore::of(joiner) }.runtime != self.runtime());
        let what = if elsewhere { WaitsFor::JoinElsewhere(self.id()) } else { WaitsFor::Join(self.id()) };
        self.cell().wait(what, accepts, limit).map_err(|why| match why {
            WaitEnd::NotYet => TryJoinError::NotYet,
            WaitEnd::Abandoned => TryJoinError::Failed(JoinError::Abandoned),
            WaitEnd::Wait(why) => TryJoinError::Failed(JoinError::Wait(why)),
        })
    }

    /// Whether the coroutine has ended.
    pub fn is_finished(&self) -> bool {
        self.cell().has_ended()
    }

    /// Requests cancellation: the coroutine's current wait, if it can be cancelled, and every later one return
    /// `Cancelled`. One that has not run yet never will. It does not wait for the end.
    pub fn cancel(&self) {
        if let Some(won) = self.task.claim.request_cancel() {
            // SAFETY: the win, if it was of a park, made the task ours.
            unsafe { super::tell_cancelled(self.task.as_ptr(), won) };
            make_ready(self.task.as_ptr(), won);
        }
    }

    /// Lets the coroutine run on by itself.
    pub fn detach(self) {}

    /// How many bytes of its stack the coroutine used at most; known when it has ended, if it was spawned with
    /// [`Builder::measure_stack`](super::Builder::measure_stack).
    pub fn stack_high_water_bytes(&self) -> Option<usize> {
        match self.core().stack_used_bytes.load(Ordering::Acquire) {
            0 => None,
            used => Some(used),
        }
    }

    /// The coroutine's number, unique within its runtime.
    pub fn id(&self) -> u64 {
        self.task.id
    }

    /// The coroutine's name, if it was given one.
    pub fn name(&self) -> Option<&'static str> {
        self.task.name
    }

    /// Where the coroutine was spawned.
    pub fn spawn_site(&self) -> &'static Location<'static> {
        self.task.spawn_site
    }
}

impl<T> JoinHandle<T> {
    /// Gives up the right to the output; returns the output if it is there already.
    #[cfg(feature = "alloc")]
    pub(crate) fn release(mut self) -> Option<Result<T, JoinError>> {
        self.detach_and_take()
    }

    fn detach_and_take(&mut self) -> Option<Result<T, JoinError>> {
        if self.taken {
            return None;
        }
        self.taken = true;
        let ended = self.cell().detach();
        // SAFETY: the coroutine has ended, so the output is ours, and it has not been taken before.
        ended.then(|| unsafe { take_output::<T>(self.slot) })
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        drop_quietly(self.detach_and_take());
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// Ready with the output when the coroutine has ended. Polled by the coroutine itself, which would wait for ever, it is
    /// [`JoinError::Itself`].
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if Place::coroutine() == Some(self.task.as_ptr()) && !self.is_finished() {
            return Poll::Ready(Err(JoinError::Itself));
        }
        match self.cell().poll_ended(context.waker()) {
            Ok(true) => {}
            Ok(false) => return Poll::Pending,
            Err(_) => return Poll::Ready(Err(JoinError::Abandoned)),
        }
        Poll::Ready(self.take().map_err(|why| match why {
            TryJoinError::Failed(why) => why,
            TryJoinError::NotYet => unreachable!("the coroutine has ended"),
        }))
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("finished", &self.is_finished())
            .finish()
    }
}
