// SPDX-License-Identifier: BSD-3-Clause
//! Programs that are built without an allocator: a crate of their own, so that no other program's features come into their
//! build of the core. What one of them allocated would not compile.
#![no_std]
