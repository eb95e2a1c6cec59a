// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines that obey a token from before their first run.
#![expect(unsafe_code, reason = "the record of a spawn lies on the heap and goes at the coroutine's end")]

use alloc::boxed::Box;
use core::ptr::NonNull;

use super::CancelToken;
use super::region::{Region, Runner};
use crate::sched::Builder;
use crate::sched::task_core::{AtEnd, AtSpawn};
use crate::task::header::{Header, TaskRef};
use crate::task::sources::Kind;

impl<'a> Builder<'a> {
    /// Lets the coroutine obey `token` as long as it lives: if that is cancelled before its first run it never runs (see
    /// [`JoinError::Cancelled`](crate::sched::JoinError::Cancelled)), and from then on its waits return `Cancelled`.
    ///
    /// ```
    /// # use kcoro_core::cancel::CancelToken;
    /// # use kcoro_core::sched::{Handle, SpawnError};
    /// # use kcoro_core::time::sleep;
    /// # use core::time::Duration;
    /// fn beat(runtime: &Handle, until: &CancelToken) -> Result<(), SpawnError> {
    ///     let beats = || while sleep(Duration::from_secs(1)).is_ok() {};
    ///     runtime.builder().token(until).spawn(beats).map(|handle| handle.detach())
    /// }
    /// ```
    pub fn token(self, token: &'a CancelToken) -> Self {
        self.at_spawn(token)
    }
}

impl AtSpawn for CancelToken {
    fn attach(&self, task: NonNull<Header>) -> AtEnd {
        // SAFETY: nobody can run the task yet, so it is live.
        let runner = Runner::Coroutine(unsafe { TaskRef::retain(task) });
        let region = NonNull::from(Box::leak(Box::new(Region::new(Kind::Spawn, self.node.clone(), runner))));
        // SAFETY: it stays on the heap until `detach`.
        unsafe { Region::enter(region) };
        AtEnd { data: region.cast(), call: detach }
    }
}

/// # Safety
///
/// `region` is what [`CancelToken::attach`] made, and this is called once.
unsafe fn detach(region: NonNull<()>) {
    let region = region.cast::<Region>();
    // SAFETY: it was entered when it was made.
    unsafe { Region::leave(region) };
    // SAFETY: it came from a box, and is on no list any more.
    let region = unsafe { Box::from_raw(region.as_ptr()) };
    // The last reference to a token may drop hooks, which are user data.
    crate::util::quietly::drop_quietly(region);
}
