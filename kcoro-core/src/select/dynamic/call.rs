// SPDX-License-Identifier: BSD-3-Clause
//! One call of a set: what it begins with, and what it ends with on every way out.

use super::{Progress, Select};
use crate::select::engine::{Patience, Verdict};
use crate::wait::enter;

/// One call. Its drop is what ends it, also by a panic, or because nobody awaits it any more.
pub(super) struct Call<'s, 'a, O>(pub(super) &'s mut Select<'a, O>);

impl<O> Drop for Call<'_, '_, O> {
    fn drop(&mut self) {
        let set = &mut *self.0;
        set.give_up();
        // Only a panic leaves an arm in the middle of what it does.
        if let Some(place) = set.trying.take() {
            if set.kept == Some(place) {
                set.kept = None;
            }
            // Nobody knows how far it came; its own drop does.
            drop(set.take_out(place));
        }
        set.leave();
    }
}

impl<'a, O> Select<'a, O> {
    /// Carries an arm out, or waits for one: see [`waiting`](super::waiting).
    pub(super) fn call(&mut self, patience: Patience) -> Verdict {
        self.give_up();
        if enter().check_cancelled().is_err() && (patience != Patience::None || self.arm_of_cancels().is_some()) {
            return self.ended_by_cancel();
        }
        if let Some(place) = self.kept.take() {
            return Verdict::Arm(place);
        }
        let call = Call(self);
        let verdict = call.0.look_or_wait(patience);
        drop(call);
        if patience != Patience::None {
            // Asked anew: it may have suspended. Charged also if it waited, for that may have been over before it began.
            enter().charge();
        }
        verdict
    }
}

impl<O> Select<'_, O> {
    /// Ends a wait that is under way and that nobody waits for any more: a panic has gone through it, or its future has been
    /// dropped or forgotten. If an arm was carried out and cannot take that back, the next call begins with its result.
    pub(super) fn give_up(&mut self) {
        match self.progress {
            Progress::Idle => return,
            Progress::Watches => self.unwatch(),
            Progress::Waits => {
                self.kept = self.end_wait().filter(|place| !self.entry(*place).arm.as_mut().undo());
            }
        }
        self.seat().leave();
    }
}
