// SPDX-License-Identifier: BSD-3-Clause
//! Time: the structure that knows which deadline comes next.

pub(crate) mod wheel;
