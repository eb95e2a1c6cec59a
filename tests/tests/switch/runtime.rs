// SPDX-License-Identifier: BSD-3-Clause
//! A runtime on POSIX: what it returns, and on whose thread. What every runtime does is in the scenario suite.

use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::sched::{Runtime, RuntimeBuilder};

fn builder() -> RuntimeBuilder {
    Runtime::builder(Posix::new())
}

#[test]
fn run_returns_what_the_root_returns() {
    for workers in [1, 2, 4] {
        let runtime = builder().workers(workers).build().unwrap();
        assert_eq!(runtime.run(|| 6 * 7).unwrap(), 42);
    }
}

#[test]
fn a_local_runtime_runs_on_the_callers_thread() {
    for workers in [1, 3] {
        let runtime = builder().workers(workers).build_local().unwrap();
        let here = std::thread::current().id();
        let not_send = std::rc::Rc::new(5);
        let there = runtime.run(|| (std::thread::current().id(), *not_send));
        assert_eq!(there.unwrap(), (here, 5));
        assert!(runtime.shutdown(Duration::from_secs(1)).is_clean());
    }
}
