// SPDX-License-Identifier: BSD-3-Clause
//! Names for code addresses.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::ptr;

use kcoro_core::sched::Dump;

/// `dump` as text, with names.
pub(super) fn text(dump: &Dump) -> String {
    // Coroutines mostly wait in the same few places, and a look-up takes microseconds.
    let known: RefCell<HashMap<usize, String>> = RefCell::default();
    let show = |address, f: &mut fmt::Formatter<'_>| {
        f.write_str(known.borrow_mut().entry(address).or_insert_with(|| describe(address)))
    };
    dump.with_symbols(&show).to_string()
}

/// The function that returns to `address`, and those that were inlined there, innermost first.
fn describe(address: usize) -> String {
    let mut text = String::new();
    // One less: a call that never returns may be the last instruction of its function.
    backtrace::resolve(ptr::without_provenance_mut(address.wrapping_sub(1)), |symbol| {
        if !text.is_empty() {
            text.push_str(", inlined in ");
        }
        // Writing to a string does not fail.
        let _ = match symbol.name() {
            Some(name) => write!(text, "{name:#}"),
            None => write!(text, "{address:#x}"),
        };
        if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
            let _ = write!(text, " ({}:{line})", file.display());
        }
    });
    if text.is_empty() { format!("{address:#x}") } else { text }
}
