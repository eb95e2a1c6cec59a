// SPDX-License-Identifier: BSD-3-Clause
//! Tests that build or start other programs: those with planted bugs, one without std, one with frame pointers.

mod dump_backtrace;
mod no_std;
mod planted;
