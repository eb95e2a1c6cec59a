// SPDX-License-Identifier: BSD-3-Clause
//! Who is told of each event of simulated runs; nobody without the feature `trace`.

use std::fmt;

use kcoro_core::sched::RuntimeBuilder;

/// See the [module](self).
#[cfg(feature = "trace")]
#[derive(Clone)]
pub(crate) struct Traced(pub(crate) Option<std::sync::Arc<dyn kcoro_core::trace::Subscriber>>);

/// See the [module](self).
#[cfg(not(feature = "trace"))]
#[derive(Clone)]
pub(crate) struct Traced;

impl Traced {
    pub(crate) fn nobody() -> Self {
        #[cfg(feature = "trace")]
        return Self(None);
        #[cfg(not(feature = "trace"))]
        Self
    }

    /// `builder`, whose runtime tells of its events.
    pub(crate) fn told_by(&self, builder: RuntimeBuilder) -> RuntimeBuilder {
        #[cfg(feature = "trace")]
        if let Some(subscriber) = &self.0 {
            return builder.trace(subscriber.clone());
        }
        builder
    }
}

impl fmt::Debug for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced").finish_non_exhaustive()
    }
}
