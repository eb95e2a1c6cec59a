// SPDX-License-Identifier: BSD-3-Clause
//! Beside the failures about scopes: children that borrow what outlives the scope, return it, and spawn siblings.

use std::sync::Mutex;

use kcoro_posix::Posix;
use kcoro_posix::sched::Runtime;
use kcoro_posix::scope::{scope, try_scope};

fn main() {
    let runtime = Runtime::builder(Posix::new()).workers(2).build().unwrap();
    runtime.run(borrows).unwrap();
}

fn borrows() {
    let (text, mut count, seen) = (String::from("of this frame"), 0, Mutex::new(Vec::new()));
    let first: &str = scope(|s| {
        let child = s.spawn(|| text.as_str()).unwrap();
        s.spawn(|| count += 1).unwrap();
        s.spawn(|| {
            seen.lock().unwrap().push("child");
            s.spawn(|| seen.lock().unwrap().push("sibling")).unwrap();
        })
        .unwrap();
        child.join().unwrap()
    });
    assert_eq!((first, count, seen.lock().unwrap().len()), ("of this frame", 1, 2));
    // After the scope everything is the parent's again.
    count += 1;
    drop(text);
    let failed = try_scope(|s| {
        s.spawn(|| if count == 2 { Err("two") } else { Ok(()) }).unwrap();
        Ok(())
    });
    assert_eq!(failed.unwrap_err().to_string(), "two");
}
