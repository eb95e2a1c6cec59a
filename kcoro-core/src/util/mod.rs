// SPDX-License-Identifier: BSD-3-Clause
//! Small pieces that know nothing of coroutines.

pub(crate) mod cache_padded;
pub(crate) mod linked;
pub(crate) mod list;
pub(crate) mod quietly;
pub(crate) mod random;
#[cfg(test)]
pub(crate) mod test_node;
