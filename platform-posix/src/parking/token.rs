// SPDX-License-Identifier: BSD-3-Clause
//! The sticky token that decides every race between a park and a wake.
//!
//! One word, three states. Only the parking worker moves it to `PARKED` and back to `EMPTY`; wakers only move it to
//! `NOTIFIED`, from any state. How a worker then sleeps is up to the parker that holds the token.
//!
//! ```text
//!            begin_park            notify
//!   EMPTY ---------------> PARKED ---------> NOTIFIED
//!     ^                      | end_park        | begin_park, end_park
//!     +----------------------+-----------------+
//! ```

#[cfg(not(loom))]
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering;
#[cfg(loom)]
use loom::sync::atomic::AtomicU32;

/// No wake is stored and the worker runs.
const EMPTY: u32 = 0;
/// The worker sleeps or is about to; a waker must wake it.
pub(super) const PARKED: u32 = 1;
/// A wake is stored: the current or the next park ends at once.
const NOTIFIED: u32 = 2;

/// What a worker that wants to park must do next.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "sleeping in spite of a stored wake loses it"]
pub(super) enum BeginPark {
    /// A wake was stored and has now been used up: do not sleep.
    Notified,
    /// Sleep while the token says [`Token::is_parked`], then call [`Token::end_park`].
    Sleep,
}

/// What a waker must do next.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a sleeping worker must be woken"]
pub(super) enum Notify {
    /// The worker sleeps or is about to: wake it.
    WakeSleeper,
    /// The worker runs and will find the token.
    Stored,
}

/// See the module.
pub(super) struct Token(AtomicU32);

impl Token {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(EMPTY))
    }

    /// The worker's own thread only.
    pub(super) fn begin_park(&self) -> BeginPark {
        // Relaxed on success: nothing is read from a waker when there was none.
        if self.0.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return BeginPark::Sleep;
        }
        // Acquire: pairs with the Release of every `notify` up to now; swaps by later wakers stay in the release
        // sequences of earlier ones, so one swap here sees what all of them did.
        self.0.swap(EMPTY, Ordering::Acquire);
        BeginPark::Notified
    }

    /// Ends a park that began with [`BeginPark::Sleep`], whoever ended it, and uses up a wake that came meanwhile.
    pub(super) fn end_park(&self) {
        // Acquire: as in `begin_park`.
        self.0.swap(EMPTY, Ordering::Acquire);
    }

    /// Whether no wake has come since [`BeginPark::Sleep`].
    pub(super) fn is_parked(&self) -> bool {
        // Relaxed: `end_park` does the acquiring.
        self.0.load(Ordering::Relaxed) == PARKED
    }

    /// Stores a wake. Any thread, and signal handlers.
    pub(super) fn notify(&self) -> Notify {
        // Release: what the waker did before is visible to the worker after its park. It must be a swap even when the
        // token is already there, or this waker's writes would not be part of what the worker acquires.
        match self.0.swap(NOTIFIED, Ordering::Release) {
            PARKED => Notify::WakeSleeper,
            _ => Notify::Stored,
        }
    }

    /// The word itself, for a futex to compare with [`PARKED`].
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(super) fn word(&self) -> &AtomicU32 {
        &self.0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{BeginPark, Notify, Token};

    #[test]
    fn a_wake_before_the_park_is_kept_once() {
        let token = Token::new();
        assert_eq!(token.notify(), Notify::Stored);
        assert_eq!(token.notify(), Notify::Stored);
        assert_eq!(token.begin_park(), BeginPark::Notified);
        assert_eq!(token.begin_park(), BeginPark::Sleep);
    }

    #[test]
    fn only_the_first_wake_of_a_sleeper_must_wake_it() {
        let token = Token::new();
        assert_eq!(token.begin_park(), BeginPark::Sleep);
        assert!(token.is_parked());
        assert_eq!(token.notify(), Notify::WakeSleeper);
        assert_eq!(token.notify(), Notify::Stored);
        assert!(!token.is_parked());
        token.end_park();
        assert_eq!(token.begin_park(), BeginPark::Sleep);
    }
}
