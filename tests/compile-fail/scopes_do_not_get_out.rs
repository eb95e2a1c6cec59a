// SPDX-License-Identifier: BSD-3-Clause
//! A scope is over when its closure returns: neither it nor the handle of a child can be kept, in whatever they are put.

use std::sync::Mutex;

use kcoro_posix::scope::{Scope, ScopedJoinHandle, TryScope, scope, try_scope};

fn main() {}

fn returned() {
    let _ = scope(|s| s);
}

fn handle_returned() {
    let _ = scope(|s| s.spawn(|| 1).unwrap());
}

fn stored_outside() {
    let mut kept: Option<&Scope<'_, '_>> = None;
    scope(|s| kept = Some(s));
}

fn stored_behind_a_lock() {
    let kept: Mutex<Option<ScopedJoinHandle<'_, u8>>> = Mutex::new(None);
    scope(|s| *kept.lock().unwrap() = Some(s.spawn(|| 1).unwrap()));
}

fn sent_to_a_thread() {
    scope(|s| {
        std::thread::spawn(move || drop(s.spawn(|| 1)));
    });
}

fn stored_by_a_child() {
    let mut kept: Option<&TryScope<'_, '_, ()>> = None;
    let _ = try_scope(|s| {
        let _ = s.spawn(|| {
            kept = Some(s);
            Ok(())
        });
        Ok(())
    });
}
