// SPDX-License-Identifier: BSD-3-Clause
//! What a dump says of coroutines that are stuck: who they are, what each waits for, and where.
//!
//! ```text
//! RUSTFLAGS=-Cforce-frame-pointers=yes cargo run --package kcoro-posix --features symbolize --example dump
//! ```

use std::error::Error;
use std::io;
use std::time::Duration;

use kcoro_posix::channel::{Receiver, Sender, rendezvous};
use kcoro_posix::sched::{Builder, CoroutineState, Handle, Runtime};
use kcoro_posix::scope::scope;
use kcoro_posix::time::sleep;
use kcoro_posix::{DumpSignal, Posix, dump_on_signal, dump_text};

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder(Posix::new()).workers(2).build()?;
    // From another terminal: kill -QUIT with the number of this process.
    let _on_signal = dump_on_signal(&runtime, DumpSignal::Quit, io::stderr())?;
    runtime.builder().name("couple").spawn(a_couple_that_is_stuck)?.detach();
    let handle = runtime.handle().clone();
    let text = runtime.run(move || dump_when_stuck(&handle))?;
    println!("{text}");
    Ok(())
}

/// Each of the two waits to hear from the other first. Dropping the runtime cancels them.
fn a_couple_that_is_stuck() {
    let ((to_her, from_him), (to_him, from_her)) = (rendezvous(), rendezvous());
    scope(|s| {
        let _ = s.spawn_with(Builder::new().name("he"), || waits_for_the_first_word(&from_her, &to_her));
        let _ = s.spawn_with(Builder::new().name("she"), || waits_for_the_first_word(&from_him, &to_him));
    });
}

#[inline(never)]
fn waits_for_the_first_word(from: &Receiver<&'static str>, to: &Sender<&'static str>) {
    if listens(from) == Some("hello") {
        let _ = to.send("hello, too");
    }
}

#[inline(never)]
fn listens(from: &Receiver<&'static str>) -> Option<&'static str> {
    std::hint::black_box(from.recv().ok())
}

fn dump_when_stuck(runtime: &Handle) -> String {
    loop {
        let _ = sleep(Duration::from_millis(1));
        let dump = runtime.dump();
        let parked = dump.coroutines.iter().filter(|one| matches!(one.state, CoroutineState::Parked { .. }));
        if parked.count() == 3 {
            return dump_text(&dump);
        }
    }
}
