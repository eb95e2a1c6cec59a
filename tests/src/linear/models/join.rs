// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine's end, as those see it who hold its handle.
//!
//! The coroutine is a process, too. Its `Start` is called before it is spawned and returns when its body begins, because
//! its first resume is somewhere between. Its `Finish` is called at the end of the body and never returns: the end itself
//! comes after the body.

use super::channel::Form;
use crate::linear::{Model, OperationOf};

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// With this output.
    Output(u64),
    /// By a panic.
    Panic,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// By the coroutine: its first run.
    Start,
    /// By the coroutine: its end.
    Finish(Ending),
    /// Request its cancel.
    Cancel,
    /// Ask whether it has ended.
    IsFinished,
    /// Take its output.
    Join(Form),
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// The body begins.
    Started,
    /// The cancel was requested.
    Requested,
    /// Whether it has ended.
    Finished(bool),
    /// It ended in this way.
    Joined(Ending),
    /// It was cancelled before its first run.
    NeverRan,
    /// It had not ended, at one instant.
    NotYet,
    /// An earlier join took the output.
    AlreadyTaken,
}

/// Where the coroutine is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Stage {
    #[default]
    Fresh,
    Running,
    Ended(Ending),
    /// Cancelled before its first run.
    Rejected,
}

/// The state of a [`Handle`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Life {
    stage: Stage,
    cancelled: bool,
    taken: bool,
}

impl Life {
    fn has_ended(self) -> bool {
        matches!(self.stage, Stage::Ended(_) | Stage::Rejected)
    }

    /// A cancelled coroutine that has not run is rejected at an instant that nobody can see: some time before it is seen
    /// to have ended.
    fn maybe_rejected(self) -> Life {
        let rejected = self.stage == Stage::Fresh && self.cancelled;
        if rejected { Life { stage: Stage::Rejected, ..self } } else { self }
    }

    fn join(self, result: Return) -> Option<Life> {
        let ended = self.maybe_rejected();
        let is_possible = match result {
            Return::Joined(ending) => !self.taken && self.stage == Stage::Ended(ending),
            Return::NeverRan => !self.taken && ended.stage == Stage::Rejected,
            Return::AlreadyTaken => self.taken,
            _ => false,
        };
        is_possible.then_some(Life { taken: true, ..ended })
    }
}

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct Handle;

impl Model for Handle {
    type Call = Call;
    type Return = Return;
    type State = Life;

    fn initial(&self, _: &[OperationOf<Self>]) -> Life {
        Life::default()
    }

    fn apply(&self, life: &Life, operation: &OperationOf<Self>) -> Option<Life> {
        let life = *life;
        match (operation.call, operation.result().copied()) {
            (Call::Start, None | Some(Return::Started)) => {
                (life.stage == Stage::Fresh && !life.cancelled).then_some(Life { stage: Stage::Running, ..life })
            }
            (Call::Finish(ending), None) => {
                (life.stage == Stage::Running).then_some(Life { stage: Stage::Ended(ending), ..life })
            }
            (Call::Cancel, None | Some(Return::Requested)) => Some(Life { cancelled: true, ..life }),
            (Call::IsFinished, Some(Return::Finished(true))) => {
                Some(life.maybe_rejected()).filter(|life| life.has_ended())
            }
            (Call::IsFinished, Some(Return::Finished(false))) => (!life.has_ended()).then_some(life),
            (Call::Join(Form::Try | Form::Timeout), Some(Return::NotYet)) => (!life.has_ended()).then_some(life),
            (Call::Join(_), Some(result)) => life.join(result),
            _ => None,
        }
    }

    fn removable(&self, operations: &[OperationOf<Self>]) -> Vec<Vec<usize>> {
        // Looks. The rejection that one sees may as well come later, when the next one sees it.
        let only_looks = |index: &usize| {
            matches!(operations[*index].result(), Some(Return::Finished(_) | Return::NotYet | Return::AlreadyTaken))
        };
        (0..operations.len()).filter(only_looks).map(|index| vec![index]).collect()
    }
}
