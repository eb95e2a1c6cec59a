// SPDX-License-Identifier: BSD-3-Clause
//! Models of kcoro's objects. A new kind of channel is a new [`Model`](super::Model) over the same calls.

pub mod channel;
pub mod join;
pub mod lock;
pub mod overflowing;
pub mod permits;
