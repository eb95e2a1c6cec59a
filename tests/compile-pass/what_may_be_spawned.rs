// SPDX-License-Identifier: BSD-3-Clause
//! Beside the failures about spawning: the same programs with `Send` and owned data, and the unsafe option in `unsafe`.

use std::rc::Rc;
use std::sync::Arc;

use kcoro_posix::Posix;
use kcoro_posix::sched::{Builder, JoinHandle, Runtime, spawn, spawn_local, try_spawn};

fn main() {
    let runtime = Runtime::builder(Posix::new()).workers(2).build().unwrap();
    let handle = runtime.handle().clone();
    // The root borrows from its caller, and its output comes out.
    let (text, arc) = (String::from("of the caller"), Arc::new(7));
    let root = runtime.run(|| {
        let shared = arc.clone();
        let handles = [spawn(move || *shared).unwrap(), try_spawn(|| 1).unwrap(), handle.spawn(|| 2).unwrap()];
        let sum: i32 = handles.map(|handle| handle.join().unwrap()).iter().sum();
        // Not `Send`, so it stays here.
        let rc = Rc::new(3);
        let here: JoinHandle<Rc<i32>> = spawn_local(move || rc).unwrap();
        // SAFETY: it does not suspend.
        let anywhere = unsafe { Builder::new().allow_migration() }.spawn(|| 4).unwrap();
        // A handle whose output is `Send` may be joined on another thread.
        let anywhere = std::thread::spawn(move || anywhere.join().unwrap()).join().unwrap();
        (sum + *here.join().unwrap() + anywhere, text.as_str())
    });
    assert_eq!(root.unwrap(), (17, "of the caller"));

    let local = Runtime::builder(Posix::new()).workers(1).build_local().unwrap();
    let rc = Rc::new(5);
    assert_eq!(*local.run(|| rc.clone()).unwrap(), 5);
    assert_eq!(local.run(|| text.as_str()).unwrap(), text);
}
