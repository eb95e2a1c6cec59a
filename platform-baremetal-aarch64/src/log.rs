// SPDX-License-Identifier: BSD-3-Clause
//! Logs: lines that wait in a ring of their core until a coroutine writes them. Who logs never waits, so handlers may.

use core::fmt::{self, Write as _};

use embedded_io::Write;
use kcoro_core::sync::{Event, Mutex};

use crate::MAX_CORES;
use crate::cores::Core;
use crate::records::{MAX_TEXT_BYTES, Records};
use crate::timer::now_ns;

static RECORDS: [Records<2048>; MAX_CORES] = [const { Records::new() }; MAX_CORES];
/// Set after a record is put in; reset before they are looked for.
static LOGGED: Event = Event::new();
/// Who takes records out.
static READING: Mutex<()> = Mutex::new(());

/// Logs a line: it is kept until [`drain_log`] writes it. Never waits, and may be called in handlers and critical sections.
///
/// A line has 200 bytes at most, the rest is cut. A core keeps 2 KiB; lines for which there is no room are counted, and the count
/// is written instead.
pub fn log(text: fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; MAX_TEXT_BYTES], length: 0 };
    // It does not fail; user code that does so when it formats has no more to say.
    let _ = line.write_fmt(text);
    let core = Core::current();
    // So that no handler of this core puts a record in at the same time.
    core.mask();
    RECORDS[core.index].put(now_ns(), &line.bytes[..line.length]);
    core.unmask();
    LOGGED.set();
}

/// Writes what is logged, with the time and the core, until the coroutine is cancelled. The lines of one core are in order;
/// those of different cores are told apart by their times.
///
/// # Errors
///
/// Those of `out`. The line that it failed at is lost.
pub fn drain_log<W: Write>(mut out: W) -> Result<(), W::Error> {
    loop {
        LOGGED.reset();
        {
            // Who cannot wait will not come so far.
            let Ok(_reading) = READING.lock() else { return Ok(()) };
            for (core, records) in RECORDS.iter().enumerate() {
                write_records(&mut out, core, records)?;
            }
        }
        if LOGGED.wait_cancellable().is_err() {
            return Ok(());
        }
    }
}

fn write_records<W: Write, const BYTES: usize>(out: &mut W, core: usize, records: &Records<BYTES>) -> Result<(), W::Error> {
    let mut text = [0; MAX_TEXT_BYTES];
    while let Some((time_ns, length)) = records.take(&mut text) {
        let (seconds, micros) = (time_ns / 1_000_000_000, time_ns / 1_000 % 1_000_000);
        head(out, format_args!("[{seconds:4}.{micros:06} core {core}] "))?;
        out.write_all(&text[..length])?;
        out.write_all(b"\n")?;
    }
    match records.take_dropped() {
        0 => Ok(()),
        dropped => head(out, format_args!("[core {core}] {dropped} lines found no room\n")),
    }
}

fn head<W: Write>(out: &mut W, text: fmt::Arguments<'_>) -> Result<(), W::Error> {
    let mut line = Line { bytes: [0; MAX_TEXT_BYTES], length: 0 };
    let _ = line.write_fmt(text);
    out.write_all(&line.bytes[..line.length])
}

/// A line as far as it fits.
struct Line {
    bytes: [u8; MAX_TEXT_BYTES],
    length: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = &mut self.bytes[self.length..];
        let count = text.len().min(free.len());
        free[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}
