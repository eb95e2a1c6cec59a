// SPDX-License-Identifier: BSD-3-Clause
//! The one entrance.
fn main() {}
