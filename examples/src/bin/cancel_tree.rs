// SPDX-License-Identifier: BSD-3-Clause
//! A tree of cancel tokens: a server, its connections, and their requests, some of which have a deadline.
//!
//! Code that is to end with something runs in a region of that thing's token. It need not look at the token: its waits end.

use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::cancel::{CancelToken, Cause, cause, shield};
use kcoro_posix::channel::{Sender, bounded};
use kcoro_posix::sched::{Builder, Runtime};
use kcoro_posix::scope::scope;
use kcoro_posix::time::sleep;

const MS: Duration = Duration::from_millis(1);

/// Works for so long, if it may, and says how it ended.
fn request(name: &'static str, takes: Duration, log: &Sender<String>) {
    let ended = match sleep(takes) {
        Ok(()) => format!("{name}: done"),
        Err(_) => format!("{name}: given up, because {}", cause().unwrap_or(Cause::Cancelled)),
    };
    // We may be cancelled, but this is to be said.
    shield(|| log.send(ended)).expect("the log is open");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder(Posix::new()).workers(2).build()?;
    let ended = runtime.run(|| {
        let (log, lines) = bounded(8);
        let server = CancelToken::new();
        let (first, second) = (server.child(), server.child());
        let goodbye = log.clone();
        let hook = server.on_cancel(move |why| goodbye.try_send(format!("server: {why}")).expect("room in the log"));

        let limited = first.child_with_timeout(MS * 300).expect("we are on a runtime");
        scope(|s| {
            let log = &log;
            s.spawn_with(Builder::new().token(&limited), || request("slow request", MS * 60_000, log)).unwrap();
            s.spawn_with(Builder::new().token(&limited), || request("quick request", MS, log)).unwrap();
            s.spawn_with(Builder::new().token(&second), || request("patient request", MS * 60_000, log)).unwrap();
            s.spawn_with(Builder::new().token(&first), || request("orphan", MS * 60_000, log)).unwrap();
            // The connection breaks when its request with the deadline is over; the others go on.
            limited.cancelled().expect("nobody cancels us");
            first.cancel_with("the connection broke");
            server.cancel_with("the server stops");
        });
        drop((hook, log, server));
        let mut lines: Vec<String> = lines.iter().collect();
        lines.sort();
        lines
    })?;
    ended.iter().for_each(|line| println!("{line}"));
    Ok(())
}
