// SPDX-License-Identifier: BSD-3-Clause
//! A runtime on the caller's own thread: no other thread is started, so nothing has to be `Send`.
//!
//! Fits programs that are tied to a thread (a graphics loop, a plug-in, a test), and data such as `Rc` and `RefCell`.

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

use kcoro_posix::Posix;
use kcoro_posix::sched::{Runtime, spawn_local, yield_now};

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder(Posix::new()).workers(1).build_local()?;
    let here = std::thread::current().id();
    let log = Rc::new(RefCell::new(Vec::new()));

    // `run` drives all coroutines until this one has ended. It may borrow, and need not be `Send` either.
    runtime.run(|| {
        let writers = ["left", "right"].map(|name| {
            let log = log.clone();
            spawn_local(move || {
                for step in 1..=3 {
                    // Nobody else runs between two suspensions, so the borrow is never in anyone's way.
                    log.borrow_mut().push(format!("{name} {step}"));
                    yield_now();
                }
                std::thread::current().id()
            })
        });
        for writer in writers {
            let thread = writer?.join()?;
            assert_eq!(thread, here, "coroutines of this runtime run here");
        }
        Ok::<_, Box<dyn Error>>(())
    })??;

    println!("{}", log.borrow().join(", "));
    Ok(())
}
