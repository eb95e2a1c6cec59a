// SPDX-License-Identifier: BSD-3-Clause
//! Several arms as one value: what the macros hand to the engine, and what comes back.
#![expect(unsafe_code, reason = "projects a pinned tuple of arms")]

use core::convert::Infallible;
use core::pin::Pin;
use core::time::Duration;

use crate::wait::WaitError;
use crate::wait::arm::{Arm, Ended, Registered, Reports, Ticket, Watched};

/// What the engine needs of an arm, whatever its result.
pub trait AnyArm {
    fn reports(&self) -> Reports;
    fn try_complete(self: Pin<&mut Self>) -> bool;
    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered;
    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>);
    fn won(self: Pin<&mut Self>, how: Ended);
    fn lost(self: Pin<&mut Self>);
    fn is_ready(self: Pin<&mut Self>) -> bool;
    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched;
    fn undo(self: Pin<&mut Self>) -> bool;
    fn limit(&self) -> Option<Duration>;
}

impl<A: Arm> AnyArm for A {
    fn reports(&self) -> Reports {
        A::REPORTS
    }

    fn try_complete(self: Pin<&mut Self>) -> bool {
        A::try_complete(self)
    }

    fn register(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Registered {
        A::register(self, ticket)
    }

    fn renew(self: Pin<&mut Self>, ticket: &Ticket<'_>) {
        A::renew(self, ticket);
    }

    fn won(self: Pin<&mut Self>, how: Ended) {
        A::won(self, how);
    }

    fn lost(self: Pin<&mut Self>) {
        A::lost(self);
    }

    fn is_ready(self: Pin<&mut Self>) -> bool {
        A::is_ready(self)
    }

    fn watch(self: Pin<&mut Self>, ticket: &Ticket<'_>) -> Watched {
        A::watch(self, ticket)
    }

    fn undo(self: Pin<&mut Self>) -> bool {
        A::undo(self)
    }

    fn limit(&self) -> Option<Duration> {
        A::limit(self)
    }
}

/// An arm, and its number in the order in which it was written.
pub type Slot<'a> = (usize, Pin<&'a mut dyn AnyArm>);

/// One to sixteen arms: a tuple of them.
pub trait Arms: Sealed {
    /// The result of the arm that was chosen.
    type Chosen;

    /// Calls `f` with the arms, numbered as written.
    #[doc(hidden)]
    fn with<R>(self: Pin<&mut Self>, f: impl FnOnce(&mut [Slot<'_>]) -> R) -> R;

    /// The result of the arm with this number, which was chosen.
    #[doc(hidden)]
    fn finish(self: Pin<&mut Self>, number: usize) -> Self::Chosen;

    /// The result of the arm with this number, which is told why the select ended early.
    #[doc(hidden)]
    fn refuse(self: Pin<&mut Self>, number: usize, why: WaitError) -> Self::Chosen;
}

/// Only tuples are several arms.
pub trait Sealed {}

macro_rules! one_of {
    ($($arm:ident)*) => {
        /// The result of one arm out of several; which one is said by the variant.
        #[expect(missing_docs, reason = "one variant per arm")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum OneOf<$($arm = Infallible),*> {
            $($arm($arm),)*
        }
    };
}

macro_rules! tuple {
    ($($arm:ident $number:tt)*) => {
        impl<$($arm: Arm),*> Sealed for ($($arm,)*) {}

        impl<$($arm: Arm),*> Arms for ($($arm,)*) {
            type Chosen = OneOf<$($arm::Output),*>;

            fn with<R>(self: Pin<&mut Self>, f: impl FnOnce(&mut [Slot<'_>]) -> R) -> R {
                // SAFETY: the arms are pinned as fields of the tuple: nothing moves them.
                let arms = unsafe { self.get_unchecked_mut() };
                // SAFETY: as above.
                f(&mut [$(($number, unsafe { Pin::new_unchecked(&mut arms.$number) })),*])
            }

            fn finish(self: Pin<&mut Self>, number: usize) -> Self::Chosen {
                // SAFETY: as in `with`.
                let arms = unsafe { self.get_unchecked_mut() };
                match number {
                    // SAFETY: as in `with`.
                    $($number => OneOf::$arm(unsafe { Pin::new_unchecked(&mut arms.$number) }.finish()),)*
                    _ => unreachable!("a select chooses one of its arms"),
                }
            }

            fn refuse(self: Pin<&mut Self>, number: usize, why: WaitError) -> Self::Chosen {
                // SAFETY: as in `with`.
                let arms = unsafe { self.get_unchecked_mut() };
                match number {
                    // SAFETY: as in `with`.
                    $($number => OneOf::$arm(unsafe { Pin::new_unchecked(&mut arms.$number) }.refuse(why)),)*
                    _ => unreachable!("a select tells one of its arms"),
                }
            }
        }
    };
}

/// Implements for each number of arms from all that are given down to one.
macro_rules! tuples {
    ([$($done:tt)*]) => {};
    ([$($done:tt)*] $arm:ident $number:tt $($rest:tt)*) => {
        tuple!($($done)* $arm $number);
        tuples!([$($done)* $arm $number] $($rest)*);
    };
}

one_of!(A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15);
tuples!([] A0 0 A1 1 A2 2 A3 3 A4 4 A5 5 A6 6 A7 7 A8 8 A9 9 A10 10 A11 11 A12 12 A13 13 A14 14 A15 15);
