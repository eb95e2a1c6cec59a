// SPDX-License-Identifier: BSD-3-Clause
//! The PL011, driven by its interrupt: who reads or writes parks while there is nothing, or no room.
//!
//! ```text
//!   reader <--- input <--- handler <--- FIFO <--- line        READABLE is set while there is input
//!   writer ---> output ---> handler ---> FIFO ---> line       WRITABLE while there is room, DRAINED while nothing is left
//! ```
//!
//! The three events are set after the lock is released and reset under it, where the condition is seen not to hold. So one is
//! set whenever its condition holds, or will be in a moment; one that is set without it costs who waits another look.
//!
//! | file | what it holds |
//! |---|---|
//! | `pl011` | the registers |
//! | `line` | all that is under the lock, and how console and driver take turns |
//! | `error` | why reading or writing fails |

mod error;
mod line;
pub(crate) mod pl011;

use core::time::Duration;

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use kcoro_core::sync::Event;
use kcoro_core::time::{TimeError, sleep};

pub use self::error::UartError;
use self::line::{Changes, Line};
use self::pl011::Pl011;
use crate::gic::Trigger;
use crate::interrupts::handlers::AttachError;
use crate::machine::Machine;
use crate::masked::Masked;

static LINE: Masked<Line> = Masked::new(Line::new());
static READABLE: Event = Event::new();
static WRITABLE: Event = Event::new();
static DRAINED: Event = Event::new();

/// The machine's UART: a PL011 whose interrupt wakes who waits for it.
///
/// `&Uart` reads and writes, from any number of coroutines; each read and each write is one piece, but two readers share what
/// comes. A read returns what there is, at least one byte; it waits only while there is nothing. A write returns how much of it
/// found room. [`Write::flush`] waits until all has gone out.
///
/// The console ([`say`](crate::say)) may be used beside it: its lines are not torn, and come between the driver's bytes.
///
/// **Cancellation.** Reads, writes and flushes are cancellation points. One that is cancelled has read or written nothing.
///
/// **Flow control.** What is not read fills 256 bytes, then the UART's FIFO. Then it depends on the other end: without hardware
/// flow control bytes are lost, and the next read after the gap says so ([`LineError::Overrun`](crate::LineError::Overrun)).
///
/// ```ignore
/// use embedded_io::{Read, Write};
///
/// let mut uart = machine.open_uart()?;
/// let mut buffer = [0; 64];
/// loop {
///     let count = uart.read(&mut buffer)?;
///     uart.write_all(&buffer[..count])?;
/// }
/// ```
#[derive(Debug)]
pub struct Uart(());

static UART: Uart = Uart(());

impl Machine {
    /// The UART, driven by interrupts from now on, which the calling core handles.
    ///
    /// # Errors
    ///
    /// It has been opened before, or the device tree does not say which interrupt it has.
    pub fn open_uart(&self) -> Result<&'static Uart, AttachError> {
        let number = self.uart_interrupt.ok_or(AttachError::NoSuchInterrupt(0))?;
        self.attach(number, Trigger::Level, on_interrupt)?;
        LINE.with(Line::open);
        WRITABLE.set();
        DRAINED.set();
        Ok(&UART)
    }
}

fn on_interrupt(_: u32) {
    LINE.with(Line::serve).tell();
}

impl Changes {
    /// Outside of the lock.
    fn tell(self) {
        for (holds, event) in [(self.readable, &READABLE), (self.writable, &WRITABLE), (self.drained, &DRAINED)] {
            if holds {
                event.set();
            }
        }
    }
}

impl ErrorType for &Uart {
    type Error = UartError;
}

impl Read for &Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UartError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            READABLE.wait_cancellable()?;
            let taken = LINE.with(|line| {
                let taken = line.take(buffer);
                if !line.has_input() {
                    READABLE.reset();
                }
                taken
            });
            if let Some(taken) = taken {
                return taken.map_err(UartError::Line);
            }
        }
    }
}

impl ReadReady for &Uart {
    fn read_ready(&mut self) -> Result<bool, UartError> {
        Ok(LINE.with(|line| line.has_input()))
    }
}

impl Write for &Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, UartError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            WRITABLE.wait_cancellable()?;
            let (count, changes) = LINE.with(|line| {
                let (count, changes) = line.put(bytes);
                if line.is_full() {
                    WRITABLE.reset();
                }
                if !line.is_drained() {
                    DRAINED.reset();
                }
                (count, changes)
            });
            changes.tell();
            if count > 0 {
                return Ok(count);
            }
        }
    }

    fn flush(&mut self) -> Result<(), UartError> {
        loop {
            DRAINED.wait_cancellable()?;
            // Somebody may have written again since it was set.
            let is_drained = LINE.with(|line| line.is_drained() || { DRAINED.reset(); false });
            if is_drained {
                break;
            }
        }
        // What is in the FIFO takes a few bytes' time, and no interrupt tells its end.
        while Pl011::get().is_busy() {
            sleep(Duration::from_micros(100)).map_err(|error| match error {
                TimeError::CannotWait(why) => UartError::CannotWait(why),
                _ => UartError::Cancelled,
            })?;
        }
        Ok(())
    }
}

impl WriteReady for &Uart {
    fn write_ready(&mut self) -> Result<bool, UartError> {
        Ok(LINE.with(|line| !line.is_full()))
    }
}

/// Runs `body`, which writes to the UART polled, while the driver does not.
pub(crate) fn paused(body: impl FnOnce()) {
    LINE.with(Line::pause);
    body();
    LINE.with(Line::resume).tell();
}

/// What is left to be sent goes out, and then the driver does nothing any more.
pub(crate) fn finish() {
    LINE.with(Line::drain);
    stop();
}

/// The driver does nothing any more.
pub(crate) fn stop() {
    line::stop_all();
}
