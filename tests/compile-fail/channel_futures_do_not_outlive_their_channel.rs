// SPDX-License-Identifier: BSD-3-Clause
//! A receive or send future is a place in the channel's queue: it borrows the end that it was made from.

use kcoro_posix::channel::{RecvFuture, bounded};

fn main() {}

fn kept() -> RecvFuture<'static, u8> {
    let (_tx, rx) = bounded(1);
    rx.recv_async()
}

fn awaited_after_the_drop() {
    let (tx, _rx) = bounded(1);
    let sending = tx.send_async(1);
    drop(tx);
    let _ = kcoro_posix::wait::block_on(sending);
}

fn polled_without_a_pin() {
    let (_tx, rx) = bounded::<u8>(1);
    let mut receiving = rx.recv_async();
    // Its node lies inside: moving it after a poll would leave the queue with a dangling one.
    let _ = std::pin::Pin::new(&mut receiving);
}
