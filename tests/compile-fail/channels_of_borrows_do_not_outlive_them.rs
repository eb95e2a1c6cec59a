// SPDX-License-Identifier: BSD-3-Clause
//! A channel keeps what is sent, so its type holds the values' lifetime, and no shorter one is passed off as it.

use kcoro_posix::channel::{Sender, bounded};

fn main() {}

fn sent_and_gone() {
    let (tx, rx) = bounded::<&String>(1);
    {
        let text = String::from("short-lived");
        tx.send(&text).unwrap();
    }
    let _ = rx.recv();
}

fn shortened<'a>(tx: Sender<&'static str>) -> Sender<&'a str> {
    tx
}
