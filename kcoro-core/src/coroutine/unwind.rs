// SPDX-License-Identifier: BSD-3-Clause
//! What a coroutine needs of panics, and its twin for programs that cannot unwind.

pub(super) use imp::{Payload, catch, is_unwind_of, panicking, propagate, unwind};

/// Whether a suspended coroutine can be ended by unwinding it.
pub(super) const CAN_UNWIND: bool = cfg!(all(feature = "std", panic = "unwind"));

/// Ends the process, saying why where there is a way to.
pub(super) fn abort(message: &'static str) -> ! {
    #[cfg(feature = "std")]
    {
        use std::io::Write;
        // Nothing is left to do if even this write fails.
        let _ = writeln!(std::io::stderr(), "{message}");
        std::process::abort()
    }
    #[cfg(not(feature = "std"))]
    {
        // A panic that leaves an `extern "C"` function ends the program, whatever the panic handler does.
        extern "C" fn no_unwind(message: &&'static str) -> ! {
            panic!("{message}")
        }
        no_unwind(&message)
    }
}

#[cfg(all(feature = "std", panic = "unwind"))]
mod imp {
    use std::boxed::Box;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    /// What a panic carries.
    pub(in super::super) type Payload = Box<dyn core::any::Any + Send>;

    /// The private payload: unwinds the coroutine whose yielder has this address.
    struct ForcedUnwind {
        yielder: usize,
    }

    /// Runs `body` and catches a panic. The panic goes on in the parent, so nothing that it left half done is seen
    /// that an ordinary call would not show.
    pub(in super::super) fn catch<R>(body: impl FnOnce() -> R) -> Result<R, Payload> {
        catch_unwind(AssertUnwindSafe(body))
    }

    /// Goes on with a caught panic, without calling the panic hook again.
    pub(in super::super) fn propagate(payload: Payload) -> ! {
        resume_unwind(payload)
    }

    /// Unwinds the coroutine that runs on this stack. No panic hook runs: this is no error.
    pub(in super::super) fn unwind(yielder: usize) -> ! {
        resume_unwind(Box::new(ForcedUnwind { yielder }))
    }

    /// Whether `payload` comes from [`unwind`] for this yielder.
    pub(in super::super) fn is_unwind_of(yielder: usize, payload: &Payload) -> bool {
        payload.downcast_ref::<ForcedUnwind>().is_some_and(|forced| forced.yielder == yielder)
    }

    #[inline(always)]
    pub(in super::super) fn panicking() -> bool {
        std::thread::panicking()
    }
}

/// Without unwinding no panic ends anywhere but in an abort, so the payload has no values.
#[cfg(not(all(feature = "std", panic = "unwind")))]
mod imp {
    pub(in super::super) enum Payload {}

    #[inline(always)]
    pub(in super::super) fn catch<R>(body: impl FnOnce() -> R) -> Result<R, Payload> {
        Ok(body())
    }

    pub(in super::super) fn propagate(payload: Payload) -> ! {
        match payload {}
    }

    pub(in super::super) fn unwind(_yielder: usize) -> ! {
        super::abort("kcoro: a coroutine was to be unwound where there is no unwinding")
    }

    pub(in super::super) fn is_unwind_of(_yielder: usize, payload: &Payload) -> bool {
        match *payload {}
    }

    #[inline(always)]
    pub(in super::super) fn panicking() -> bool {
        false
    }
}
