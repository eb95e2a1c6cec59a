// SPDX-License-Identifier: BSD-3-Clause
//! The core dereferences what a registered `get` returns, so registering one takes the word `unsafe`, with or without std.

fn get() -> *const () {
    std::ptr::dangling()
}

fn set(_: *const ()) {}

kcoro_core::ambient_worker!(get = get, set = set);

fn main() {}
