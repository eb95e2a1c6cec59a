// SPDX-License-Identifier: BSD-3-Clause
//! The root of a runtime runs on one of its workers, so closure and output are `Send`.

use std::rc::Rc;

use kcoro_posix::sched::Runtime;

fn main() {}

fn closure(runtime: &Runtime, rc: Rc<u8>) {
    let _ = runtime.run(|| *rc);
}

fn output(runtime: &Runtime) {
    let _ = runtime.run(|| Rc::new(1));
}
