// SPDX-License-Identifier: BSD-3-Clause
//! Waiting for a set's next arm in async code.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::call::Call;
use super::{ArmId, Select};
use crate::wait::arm::Reports;

impl<'a, O: 'a> Select<'a, O> {
    /// As [`Select::wait`], in async code.
    ///
    /// It does not know the coroutine that polls it, so it is no cancellation point: drop the future instead. That takes
    /// nothing: a value that had just been received goes to the next receiver. (What had just been sent stays sent, and
    /// is the first result of the set's next call.) Forgetting the future is as good as dropping it. Without arms it waits
    /// for ever.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kcoro_core::channel::bounded;
    /// use kcoro_core::select::Select;
    /// use kcoro_core::wait::block_on;
    ///
    /// let (words_in, words) = bounded(1);
    /// let (numbers_in, numbers) = bounded(1);
    /// let mut select = Select::new();
    /// select.recv(&words, |word| word.map(String::from).unwrap());
    /// select.recv(&numbers, |number: Result<u32, _>| number.unwrap().to_string());
    /// let both = block_on(async {
    ///     words_in.send_async("one").await.unwrap();
    ///     let first = select.wait_async().await.1;
    ///     numbers_in.send_async(2).await.unwrap();
    ///     [first, select.wait_async().await.1]
    /// });
    /// assert_eq!(both.unwrap(), ["one", "2"]);
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// When it is polled with an arm that needs its caller to wait: [`after_arm`](crate::select::after_arm), for which there
    /// is `sched::sleep_arm`, or [`cancelled_arm`](crate::select::cancelled_arm).
    pub fn wait_async(&mut self) -> WaitAsync<'_, 'a, O> {
        WaitAsync { call: Some(Call(self)), has_looked: false }
    }

    fn poll_arm(&mut self, waker: &Waker, is_first: bool) -> Poll<usize> {
        if is_first {
            self.give_up();
            self.check();
            if let Some(place) = self.kept.take() {
                return Poll::Ready(place);
            }
            if let (Some(place), tried) = self.look() {
                self.leave_registered(tried);
                return Poll::Ready(place);
            }
        }
        self.poll(waker)
    }

    /// Whoever awaited is not woken any more.
    fn rise(&mut self) {
        if let Some(seat) = &self.seat {
            seat.leave();
        }
    }

    fn check(&self) {
        let waits = self.passing().any(|entry| entry.arm.limit().is_some() || entry.arm.reports() == Reports::Cancels);
        assert!(
            !waits,
            "`after_arm` and `cancelled_arm` are no arms in async code: there is `sleep_arm`, or drop the future"
        );
    }
}

/// See [`Select::wait_async`].
#[must_use = "a future does nothing until it is awaited"]
pub struct WaitAsync<'s, 'a, O> {
    /// Until it is ready; its drop ends a wait that is under way.
    call: Option<Call<'s, 'a, O>>,
    has_looked: bool,
}

impl<'a, O: 'a> Future for WaitAsync<'_, 'a, O> {
    type Output = (ArmId, O);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let is_first = !core::mem::replace(&mut self.has_looked, true);
        let call = self.call.take().expect("polled after it was ready");
        // A panic drops the call.
        let Poll::Ready(place) = call.0.poll_arm(context.waker(), is_first) else {
            self.call = Some(call);
            return Poll::Pending;
        };
        call.0.rise();
        Poll::Ready(call.0.finish(place))
    }
}

impl<O> fmt::Debug for WaitAsync<'_, '_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitAsync").finish_non_exhaustive()
    }
}
