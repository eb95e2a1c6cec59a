// SPDX-License-Identifier: BSD-3-Clause
//! Dumps as text with names for addresses, and dumps on a signal.

mod on_signal;
#[cfg(feature = "symbolize")]
mod symbols;

use kcoro_core::sched::Dump;

pub use self::on_signal::{DumpOnSignal, DumpSignal, dump_on_signal};

/// `dump` as text; with feature `symbolize`, backtraces name functions and lines as far as the debug information goes.
///
/// The first use reads the debug information of the program, which takes time and memory.
pub fn dump_text(dump: &Dump) -> String {
    #[cfg(feature = "symbolize")]
    {
        symbols::text(dump)
    }
    #[cfg(not(feature = "symbolize"))]
    dump.to_string()
}
