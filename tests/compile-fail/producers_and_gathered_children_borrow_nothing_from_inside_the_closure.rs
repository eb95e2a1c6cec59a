// SPDX-License-Identifier: BSD-3-Clause
//! What the closure of a scope owns is gone before its children are: neither a producer nor a child that brings a value
//! may borrow it.

use kcoro_posix::scope::{Quorum, gather, scope};

fn main() {
    scope(|s| {
        let numbers = vec![1, 2];
        s.produce(1, |tx| numbers.iter().for_each(|n| tx.send(*n).unwrap())).unwrap();
    });
    let _ = gather(Quorum::Any, |s| {
        let number = 1;
        s.spawn(|| Ok::<_, ()>(number + &number)).unwrap();
        Ok(())
    });
}
