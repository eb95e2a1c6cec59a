// SPDX-License-Identifier: BSD-3-Clause
//! An arm is queued in its channel while a select waits: it borrows the channel.

use kcoro_posix::channel::bounded;
use kcoro_posix::select::{Order, Select, wait_async};

fn main() {
    let mut select = Select::new();
    {
        let (_tx, rx) = bounded::<u32>(1);
        select.recv(&rx, |value| value);
    }
    drop(select.wait());

    let future = {
        let (_tx, rx) = bounded::<u32>(1);
        wait_async(Order::Fair, (rx.recv_arm(),))
    };
    drop(future);
}
