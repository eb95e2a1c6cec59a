// SPDX-License-Identifier: BSD-3-Clause
//! Tests that need more than one crate of kcoro.

pub mod toy;
