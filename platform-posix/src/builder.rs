// SPDX-License-Identifier: BSD-3-Clause
//! What a [`Posix`] can be asked for.

use core::fmt;
use core::time::Duration;
use std::io::Write as _;

use crate::Posix;
use crate::hogs::{self, Hog};

/// How stacks are guarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardPolicy {
    /// The best that there is: kernel guard pages (Linux 6.13), else protected pages up to a budget, else a canary and
    /// one [`Warning`].
    #[default]
    Auto,
    /// Kernel guard pages only; a stack is refused where the kernel has none.
    MadviseGuard,
    /// Protected pages only, two mappings for each stack; a stack is refused when the budget is used up.
    Mprotect,
    /// No guard page: an overflow is noticed, if at all, when the stack is returned.
    Canary,
}

/// Whether a stack overflow is reported by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverflowReport {
    /// Starting or adopting a worker installs handlers of SIGSEGV and SIGBUS for the process, once. They print the
    /// coroutine, its spawn site and its stack size when a guard is hit, then abort. All else goes to the handlers that
    /// were there before.
    #[default]
    On,
    /// No handler is installed. An overflow then ends the process by a plain SIGSEGV.
    Off,
}

/// Something that works less well than it should on this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// From now on new stacks have no guard page.
    StacksUnguarded {
        /// How many guards of protected pages the process has.
        protected_guards: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StacksUnguarded { protected_guards } => write!(
                f,
                "stacks have no guard pages from now on, after {protected_guards} protected ones: overflows are found \
                 late or never; use Linux 6.13 or raise vm.max_map_count"
            ),
        }
    }
}

/// Makes a [`Posix`]; from [`Posix::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PosixBuilder {
    pub(crate) guard: GuardPolicy,
    pub(crate) protected_guards: Option<usize>,
    pub(crate) overflow_report: OverflowReport,
    pub(crate) on_warning: fn(&Warning),
    pub(crate) hogs: Option<hogs::Settings>,
}

impl PosixBuilder {
    pub(crate) fn new() -> Self {
        Self {
            guard: GuardPolicy::default(),
            protected_guards: None,
            // Miri has no signal handlers, and no stack that could overflow.
            overflow_report: if cfg!(miri) { OverflowReport::Off } else { OverflowReport::default() },
            on_warning: warn_on_stderr,
            hogs: None,
        }
    }

    /// How stacks are guarded. Default: [`GuardPolicy::Auto`].
    pub fn guard(mut self, policy: GuardPolicy) -> Self {
        self.guard = policy;
        self
    }

    /// How many guards of protected pages the whole process may have before this platform adds no more. Each takes two
    /// of the process's mappings. Default: as many as take half of what `vm.max_map_count` leaves.
    pub fn max_protected_guards(mut self, guards: usize) -> Self {
        self.protected_guards = Some(guards);
        self
    }

    /// Whether a stack overflow is reported by name. Default: [`OverflowReport::On`].
    pub fn report_overflow(mut self, report: OverflowReport) -> Self {
        self.overflow_report = report;
        self
    }

    /// What to do with warnings. Default: one line on standard error for each.
    ///
    /// The hook is called on whichever thread met the problem, with no lock held.
    pub fn on_warning(mut self, hook: fn(&Warning)) -> Self {
        self.on_warning = hook;
        self
    }

    /// Names each coroutine that runs for `limit` or longer without a suspension: a hog, which delays all others that are
    /// bound to its worker. Default: nobody watches. Linux only; elsewhere and under Miri nobody watches either.
    ///
    /// `hook` is called once for each such stint, on a thread of its own, at the latest when the coroutine has run for half
    /// as long again as the limit (and was given a core all that time). A limit below 4 ms counts as 4 ms. A hook that panics ends
    /// the watch.
    ///
    /// While anything runs, each worker that is awake is interrupted by SIGURG four times within the limit. System calls go on
    /// after it, but for those that no handler lets go on (`poll`, `nanosleep` and others, see signal(7)): code that is
    /// interrupted in them sees `EINTR`. A handler of SIGURG that was there before is called as well.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kcoro_posix::Posix;
    ///
    /// let posix = Posix::builder().on_hog(Duration::from_millis(100), |hog| eprintln!("{hog}")).build();
    /// ```
    pub fn on_hog(mut self, limit: Duration, hook: fn(&Hog)) -> Self {
        self.hogs = Some(hogs::Settings { limit, hook });
        self
    }

    /// Makes the platform. Nothing is started, mapped or installed yet.
    pub fn build(self) -> Posix {
        Posix::from_builder(&self)
    }
}

pub(crate) fn warn_on_stderr(warning: &Warning) {
    // Nowhere is left to report a failure to.
    let _ = writeln!(std::io::stderr(), "kcoro: warning: {warning}");
}
