// SPDX-License-Identifier: BSD-3-Clause
//! Either end of a channel takes values to or from other threads, so ends and futures are `Send` only if the values are.

use std::rc::Rc;

use kcoro_posix::channel::{Receiver, Sender, bounded};
use kcoro_posix::sched::spawn;
use kcoro_posix::scope::scope;

fn main() {
    let (tx, rx) = bounded::<Rc<u8>>(1);
    let _ = spawn(move || tx.send(Rc::new(1)));
    std::thread::spawn(move || rx.recv());
}

fn shared(tx: &Sender<Rc<u8>>) {
    scope(|s| {
        let _ = s.spawn(|| tx.send(Rc::new(1)).is_ok());
    });
}

fn futures(tx: &Sender<Rc<u8>>, rx: &Receiver<Rc<u8>>) {
    fn is_send(_: impl Send) {}
    is_send(rx.recv_async());
    is_send(tx.send_async(Rc::new(1)));
}
