// SPDX-License-Identifier: BSD-3-Clause
//! A backend too many.
#![no_std]

fn get() -> *const () {
    core::ptr::null()
}

fn set(_: *const ()) {}

// SAFETY: a program with this crate does not link.
kcoro_core::ambient_worker!(unsafe { get = get, set = set });
