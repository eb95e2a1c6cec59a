// SPDX-License-Identifier: BSD-3-Clause
//! What the core knows of a coroutine under a scheduler: its header, the claim that decides its waits, and the two
//! traits through which lower layers reach the scheduler without importing it.
//!
//! | file | what it holds |
//! |---|---|
//! | `claim` | the one word that decides who ends a wait, and publishes a park |
//! | `header` | the header: identity, saved context, stack, reference count |
//! | `fault` | what a fault handler asks: whose stack is this |
//! | `sources` | the regions of a coroutine that obey a token, and its shields |
//! | `wait_record` | what a parked coroutine waits for, and since when |
//! | `schedule` | `Schedule` and the part of a worker that the layers below the scheduler see |

pub(crate) mod claim;
pub mod fault;
pub(crate) mod header;
pub(crate) mod schedule;
pub(crate) mod sources;
#[cfg(all(test, feature = "alloc"))]
pub(crate) mod test_task;
pub(crate) mod wait_record;
