// SPDX-License-Identifier: BSD-3-Clause
//! Coroutines that started on the owner's thread are bound to it, so a local runtime neither leaves it nor is it driven
//! from another.

use kcoro_posix::Posix;
use kcoro_posix::sched::Runtime;

fn main() {
    let runtime = Runtime::builder(Posix::new()).build_local().unwrap();
    std::thread::scope(|s| s.spawn(|| runtime.run(|| 1).unwrap()).join().unwrap());
    std::thread::spawn(move || drop(runtime));
}
