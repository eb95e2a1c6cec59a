// SPDX-License-Identifier: BSD-3-Clause
//! Beside the failures about channels and locals: what is `Send` goes between threads, what is not stays on one, and
//! borrows go as far as they live.

use std::cell::Cell;
use std::rc::Rc;

use kcoro_posix::channel::{bounded, rendezvous};
use kcoro_posix::sched::CoroutineLocal;
use kcoro_posix::wait::block_on;

static COUNT: CoroutineLocal<Cell<u8>> = CoroutineLocal::new(|| Cell::new(0));

fn main() {
    let (tx, rx) = rendezvous::<Box<u8>>();
    let sender = std::thread::spawn(move || tx.send(Box::new(1)).unwrap());
    assert_eq!(*block_on(rx.recv_async()).unwrap().unwrap(), 1);
    sender.join().unwrap();

    let (tx, rx) = bounded::<Rc<u8>>(1);
    tx.send(Rc::new(2)).unwrap();
    assert_eq!(*rx.recv().unwrap(), 2);

    let text = String::from("long-lived");
    let (tx, rx) = bounded::<&str>(1);
    block_on(tx.send_async(&text)).unwrap().unwrap();
    std::thread::scope(|s| s.spawn(|| assert_eq!(rx.recv().unwrap(), text)).join().unwrap());

    assert!(COUNT.with(|count| count.replace(1)).is_err(), "no coroutine, no value");
}
