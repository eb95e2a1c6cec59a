// SPDX-License-Identifier: BSD-3-Clause
//! A select future carries the values of its arms to whoever polls it.

use std::rc::Rc;

use kcoro_posix::channel::bounded;
use kcoro_posix::select::{Order, wait_async};

fn is_send(_: impl Send) {}

fn main() {
    let (tx, rx) = bounded::<u32>(1);
    is_send(wait_async(Order::Fair, (rx.recv_arm(), tx.send_arm(1))));
    let (tx, rx) = bounded::<Rc<u32>>(1);
    is_send(wait_async(Order::Fair, (rx.recv_arm(), tx.send_arm(Rc::new(1)))));
}
