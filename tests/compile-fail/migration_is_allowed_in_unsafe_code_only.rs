// SPDX-License-Identifier: BSD-3-Clause
//! A coroutine that changes threads may hold nothing of the old one, which only its author can promise.

use kcoro_posix::sched::Builder;

fn main() {
    let _ = Builder::new().allow_migration().spawn(|| 1);
}
