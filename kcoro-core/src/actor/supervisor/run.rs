// SPDX-License-Identifier: BSD-3-Clause
//! One life of a supervisor: it starts its children, and answers each of their ends.

use alloc::vec::Vec;
use core::mem;

use super::super::builder::coroutine;
use super::super::life::StopReason;
use super::super::mailbox::{Request, quietly};
use super::child::Exit;
use super::report::{Cause, ChildFailed, Escalated, WhatNext};
use super::restarts::Restarts;
use super::{Strategy, Supervisor};
use crate::channel::{RecvTimeoutError, Sender};
use crate::sched::{Builder, JoinError, SpawnError};
use crate::scope::{Scope, ScopedJoinHandle, scope};
use crate::time::Instant;

/// What a supervisor waits for.
pub(super) enum Event {
    /// The life of the child with this index has ended.
    Ended(usize, Exit),
    /// Somebody has asked it to end.
    Asked,
}

/// Tells the supervisor of a child's end: when it is dropped, so that this happens on every way out, also with the closure
/// of a coroutine that never ran.
struct TellEnd<'a> {
    events: &'a Sender<Event>,
    index: usize,
    exit: Exit,
}

impl Drop for TellEnd<'_> {
    fn drop(&mut self) {
        let exit = mem::replace(&mut self.exit, Exit::NeverRan);
        // There is always room.
        let _ = self.events.try_send(Event::Ended(self.index, exit));
    }
}

/// Where a child is between its lives.
enum State<'scope> {
    /// It lives, or its end has not been answered yet.
    Lives(ScopedJoinHandle<'scope, ()>),
    /// Its spawn was refused, which has not been answered yet.
    Refused(SpawnError),
    /// It gets its next life then.
    Due(Instant),
    /// It gets no more.
    Over,
}

/// The wait for an event was cancelled.
struct Cancelled;

struct Run<'scope, 'env> {
    tree: &'env Supervisor,
    scope: &'scope Scope<'scope, 'env>,
    children: Vec<State<'scope>>,
    restarts: Restarts,
}

impl Supervisor {
    /// Lives one life, in the calling coroutine. Returns when all children have ended.
    pub(super) fn live(&self) -> StopReason<Escalated> {
        // What an earlier life has left: all its children have ended.
        while self.events.try_recv().is_ok() {}
        scope(|scope| {
            scope.name(self.name);
            // Each failure arrives as an event.
            scope.leave_failures_to_the_closure();
            let why = Run::new(self, scope).run();
            scope.cancel();
            why
        })
    }
}

impl<'scope, 'env> Run<'scope, 'env> {
    fn new(tree: &'env Supervisor, scope: &'scope Scope<'scope, 'env>) -> Self {
        let children = tree.children.iter().map(|_| State::Over).collect();
        Self { tree, scope, children, restarts: Restarts::new(tree.policy) }
    }

    fn run(mut self) -> StopReason<Escalated> {
        (0..self.children.len()).for_each(|index| self.begin(index));
        loop {
            match self.tree.requests.word.get() {
                Request::Nothing => {}
                request => return self.end_all(request),
            }
            if self.children.iter().all(|child| matches!(child, State::Over)) {
                return StopReason::Drained;
            }
            match self.next_event() {
                Ok(Some(Event::Ended(index, exit))) => match self.answer(index, exit) {
                    Ok(()) => {}
                    Err(Answer::Cancelled) => return StopReason::Cancelled,
                    Err(Answer::Escalated(why)) => return StopReason::Failed(why),
                },
                Ok(Some(Event::Asked) | None) => self.start_due(),
                Err(Cancelled) => return StopReason::Cancelled,
            }
        }
    }

    /// Starts a child in a new life of the supervisor, unless it has ended for good in an earlier one.
    fn begin(&mut self, index: usize) {
        let is_over = self.tree.children[index].is_over() || self.tree.requests.word.get() != Request::Nothing;
        if is_over {
            self.give_up(index);
        } else {
            self.start(index);
        }
    }

    fn start(&mut self, index: usize) {
        let child = &*self.tree.children[index];
        let end = TellEnd { events: &self.tree.requests.events, index, exit: Exit::NeverRan };
        let life = move || {
            let mut end = end;
            end.exit = child.live();
        };
        let builder = coroutine(Builder::new(), Some(child.name()), child.stack_size_bytes());
        self.children[index] = match self.scope.spawn_with(builder, life) {
            Ok(handle) => State::Lives(handle),
            Err(why) => State::Refused(why),
        };
    }

    /// The next event, or nothing when the next restart is due.
    fn next_event(&self) -> Result<Option<Event>, Cancelled> {
        let due = self.children.iter().filter_map(|child| if let State::Due(at) = child { Some(*at) } else { None });
        // All are of one clock, the runtime's.
        let earliest = due.reduce(|one, other| if other < one { other } else { one });
        match earliest {
            None => self.tree.events.recv().map(Some).map_err(|_| Cancelled),
            Some(at) => match self.tree.events.recv_deadline(at) {
                Ok(event) => Ok(Some(event)),
                Err(RecvTimeoutError::TimedOut) => Ok(None),
                Err(_) => Err(Cancelled),
            },
        }
    }

    fn start_due(&mut self) {
        let Ok(now) = Instant::now() else { return };
        for index in 0..self.children.len() {
            if matches!(self.children[index], State::Due(at) if at <= now) {
                self.start(index);
            }
        }
    }

    /// Answers the end of a child.
    fn answer(&mut self, index: usize, exit: Exit) -> Result<(), Answer> {
        let Some(cause) = self.failure(index, exit)? else {
            self.give_up(index);
            return Ok(());
        };
        let backoff = Instant::now().ok().and_then(|now| Some((now, self.restarts.after_failure(now)?)));
        let next = backoff.map_or(WhatNext::Escalate, |(_, wait)| WhatNext::Restart(wait));
        let child = self.tree.children[index].name();
        if let Some(hook) = &self.tree.on_failure {
            quietly(|| hook(&ChildFailed { child, cause: &cause, next }));
        }
        let Some((now, wait)) = backoff else {
            return Err(Answer::Escalated(Escalated { supervisor: self.tree.name, child, cause }));
        };
        if self.tree.children[index].is_over() {
            // It failed, but was to end anyway.
            self.give_up(index);
        } else {
            self.children[index] = State::Due(now.saturating_add(wait));
        }
        if self.tree.strategy == Strategy::AllForOne {
            self.end_others(now.saturating_add(wait))?;
        }
        self.start_due();
        Ok(())
    }

    /// The failure that a child's life ended by, if it was one.
    fn failure(&mut self, index: usize, exit: Exit) -> Result<Option<Cause>, Answer> {
        match (exit, mem::replace(&mut self.children[index], State::Over)) {
            (Exit::Done | Exit::Cancelled, _) => Ok(None),
            (Exit::Failed(cause), _) => Ok(Some(cause)),
            (Exit::NeverRan, State::Refused(SpawnError::Shutdown)) => Ok(None),
            (Exit::NeverRan, State::Refused(why)) => Ok(Some(Cause::NotSpawned(why))),
            (Exit::NeverRan, State::Lives(handle)) => match handle.join() {
                Ok(()) | Err(JoinError::Cancelled | JoinError::Shutdown) => Ok(None),
                Err(JoinError::Wait(_)) => Err(Answer::Cancelled),
                Err(JoinError::Panicked(panicked)) => Ok(Some(Cause::Panicked(panicked))),
                Err(why) => Ok(Some(Cause::NeverRan(why))),
            },
            (Exit::NeverRan, State::Due(_) | State::Over) => unreachable!("who does not live does not end"),
        }
    }

    /// The child with this index gets no more lives.
    fn give_up(&mut self, index: usize) {
        self.children[index] = State::Over;
        self.tree.children[index].finish();
    }

    /// Cancels all that live, waits for their ends, and lets them begin anew at `due`; but not who had just ended for good.
    fn end_others(&mut self, due: Instant) -> Result<(), Answer> {
        for child in &mut self.children {
            match child {
                State::Lives(handle) => handle.cancel(),
                State::Due(at) => *at = due,
                State::Refused(_) | State::Over => {}
            }
        }
        while self.children.iter().any(|child| matches!(child, State::Lives(_) | State::Refused(_))) {
            match self.tree.events.recv() {
                Ok(Event::Ended(index, Exit::Done)) => self.give_up(index),
                // Those that failed meanwhile, too: this is their answer.
                Ok(Event::Ended(index, _)) => self.children[index] = State::Due(due),
                // Looked at when the others have ended.
                Ok(Event::Asked) => {}
                Err(_) => return Err(Answer::Cancelled),
            }
        }
        Ok(())
    }

    /// Ends the children one by one, the latest first.
    fn end_all(&mut self, request: Request) -> StopReason<Escalated> {
        for index in (0..self.children.len()).rev() {
            self.tree.children[index].request(request);
            while matches!(self.children[index], State::Lives(_) | State::Refused(_)) {
                match self.tree.events.recv() {
                    // No failure is answered any more.
                    Ok(Event::Ended(ended, _)) => self.give_up(ended),
                    Ok(Event::Asked) => {}
                    Err(_) => return StopReason::Cancelled,
                }
            }
            self.give_up(index);
        }
        if request == Request::Stop { StopReason::Stopped } else { StopReason::Drained }
    }
}

/// Why a supervisor does not go on.
enum Answer {
    Cancelled,
    Escalated(Escalated),
}
