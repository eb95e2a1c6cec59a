// SPDX-License-Identifier: BSD-3-Clause
//! A select that is written wrongly says what it expects.

use std::time::Duration;

use kcoro_posix::channel::bounded;
use kcoro_posix::{select, select_async};

fn main() {
    let (tx, rx) = bounded::<u32>(1);
    // The error of a receive has to be looked at.
    select! {
        recv(rx) => {}
    }
    select! {
        send(tx) -> sent => drop(sent),
    }
    select! {
        rx.recv() -> value => drop(value),
    }
    select! {
        recv(rx) -> value => drop(value),
        default => {}
        default(Duration::ZERO) => {}
    }
    let _ = async {
        select_async! {
            recv(rx) -> value => drop(value),
            cancelled() => {}
        }
    };
    select! {
        recv(rx) -> Ok(value) => drop(value),
    }
}
