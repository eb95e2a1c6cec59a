// SPDX-License-Identifier: BSD-3-Clause
//! A scope's children may run on other workers than their parent, so closure and output are `Send`.

use std::rc::Rc;

use kcoro_posix::scope::{scope, try_scope};

fn main() {}

fn closure(rc: Rc<u8>) {
    scope(|s| {
        let _ = s.spawn(|| drop(rc.clone()));
    });
}

fn output() {
    scope(|s| {
        let _ = s.spawn(|| Rc::new(1));
    });
}

fn closure_that_can_fail(rc: Rc<u8>) {
    let _ = try_scope(|s| {
        let _ = s.spawn(move || Ok::<_, ()>(drop(rc)));
        Ok(())
    });
}

fn failure() {
    let _ = try_scope(|s| {
        let _ = s.spawn(|| Err::<(), _>(Rc::new(1)));
        Ok(())
    });
}
