// SPDX-License-Identifier: BSD-3-Clause
//! Arms that come and go.

use alloc::boxed::Box;

use super::entry::{Entry, Lasts, Mapped, MappedArm};
use super::{ArmId, Select};
use crate::cancel::{CancelToken, Cause};
use crate::channel::{Receiver, RecvError, SendError, Sender};
use crate::wait::WaitError;
use crate::wait::arm::Arm;

impl<'a, O: 'a> Select<'a, O> {
    /// Adds an arm, which stays until it is removed; `map` makes an `O` of each of its results.
    ///
    /// The arm must be one that can be carried out again and again. Those that the handles of channels make for receiving
    /// are.
    ///
    /// # Panics
    ///
    /// There are [`MOST_ARMS`](Self::MOST_ARMS) already.
    pub fn add<A: Arm + 'a>(&mut self, arm: A, map: impl FnMut(A::Output) -> O + 'a) -> ArmId {
        self.push(Mapped { arm, map, lasts: Lasts::UntilRemoved })
    }

    /// Adds an arm that is carried out once, and removed then.
    ///
    /// # Panics
    ///
    /// As [`Select::add`].
    pub fn add_once<A: Arm + 'a>(&mut self, arm: A, map: impl FnOnce(A::Output) -> O + 'a) -> ArmId {
        let mut map = Some(map);
        let map = move |result| map.take().expect("it is carried out once")(result);
        self.push(Mapped { arm, map, lasts: Lasts::Once })
    }

    /// Adds receiving from `receiver`, which stays until it is removed: also when the channel is closed, which is its result
    /// then, each time.
    ///
    /// # Panics
    ///
    /// As [`Select::add`].
    pub fn recv<T: 'a>(&mut self, receiver: &'a Receiver<T>, map: impl FnMut(Result<T, RecvError>) -> O + 'a) -> ArmId {
        self.add(receiver.recv_arm(), map)
    }

    /// Adds sending `value` once. If the arm is removed before, `map` gets the value back.
    ///
    /// # Panics
    ///
    /// As [`Select::add`].
    pub fn send<T: 'a>(
        &mut self,
        sender: &'a Sender<T>,
        value: T,
        map: impl FnOnce(Result<(), SendError<T>>) -> O + 'a,
    ) -> ArmId {
        self.add_once(sender.send_arm(value), map)
    }

    /// Adds the cancel of `token`, which stays until it is removed, and is its result each time once the token has been
    /// cancelled.
    ///
    /// ```
    /// use kcoro_core::cancel::{CancelToken, Cause};
    /// use kcoro_core::select::Select;
    ///
    /// let token = CancelToken::new();
    /// let mut select = Select::new();
    /// let stop = select.cancelled(&token, |cause| cause);
    /// assert_eq!(select.try_select(), None);
    /// token.cancel_with("enough");
    /// assert_eq!(select.wait(), Ok((stop, Ok(Cause::Message("enough")))));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Select::add`].
    pub fn cancelled(&mut self, token: &'a CancelToken, map: impl FnMut(Result<Cause, WaitError>) -> O + 'a) -> ArmId {
        self.add(token.cancelled_arm(), map)
    }

    fn push(&mut self, arm: impl MappedArm<O> + 'a) -> ArmId {
        assert!(self.len() < Self::MOST_ARMS, "a select has {} arms at most", Self::MOST_ARMS);
        let place = self.vacant.pop().unwrap_or(self.entries.len());
        let id = ArmId { serial: self.next_serial, place: place as u32 };
        self.next_serial += 1;
        let entry = Entry { id, arm: Box::pin(arm), is_due: true };
        if entry.is_passing() {
            self.passing.push(place);
        }
        self.due.push_back(place);
        match self.entries.get_mut(place) {
            Some(vacant) => *vacant = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        id
    }

    /// Removes an arm. Its function gets the result of an operation that was cancelled, for a send with the value in it, and
    /// what it makes of that is returned. `None` if the arm is gone already.
    ///
    /// ```
    /// use kcoro_core::channel::{SendError, rendezvous};
    /// use kcoro_core::select::Select;
    ///
    /// let (tx, _rx) = rendezvous();
    /// let mut select = Select::new();
    /// let arm = select.send(&tx, "value", |sent| sent.map_err(SendError::into_inner));
    /// assert_eq!(select.try_select(), None);
    /// assert_eq!(select.remove(arm), Some(Err("value")));
    /// assert_eq!(select.remove(arm), None);
    /// ```
    pub fn remove(&mut self, arm: ArmId) -> Option<O> {
        self.give_up();
        let place = self.place_of(arm)?;
        let mut entry = self.take_out(place);
        if self.kept == Some(place) {
            self.kept = None;
            return Some(entry.arm.as_mut().finish());
        }
        Some(entry.arm.as_mut().refuse(WaitError::Cancelled))
    }
}

impl<'a, O> Select<'a, O> {
    pub(super) fn place_of(&self, arm: ArmId) -> Option<usize> {
        let place = arm.place as usize;
        let entry = self.entries.get(place)?.as_ref()?;
        (entry.id == arm).then_some(place)
    }

    /// Takes the arm out of its queue, off the list of those that were found, and out of the set.
    pub(super) fn take_out(&mut self, place: usize) -> Entry<'a, O> {
        let entry = self.entry(place);
        if !entry.is_due {
            entry.arm.as_mut().lost();
        }
        // From here on nobody can find it any more; who has found it before has said so.
        self.look_who_was_found();
        let entry = self.entries[place].take().expect("the arm is there");
        self.vacant.push(place);
        if entry.is_due
            && let Some(nth) = self.due.iter().position(|due| *due == place)
        {
            self.due.remove(nth);
        }
        if entry.is_passing() {
            self.passing.retain(|passing| *passing != place);
        }
        entry
    }

    pub(super) fn entry(&mut self, place: usize) -> &mut Entry<'a, O> {
        self.entries[place].as_mut().expect("an arm of the set")
    }
}
