// SPDX-License-Identifier: BSD-3-Clause
//! What the driver keeps under its lock: what was received, what is to be sent, and the registers.
//!
//! The console writes to the same UART, polled. It takes the sending side away from the driver for a line ([`Line::pause`],
//! [`Line::resume`]), so no two write into the FIFO at once and no line is torn. Receiving goes on meanwhile. A program's last
//! words wait for nobody: they shut the driver's interrupts out ([`stop_all`]), and whatever it has not sent stays unsaid.

use core::sync::atomic::{AtomicBool, Ordering};

use heapless::Deque;

use super::pl011::{Pl011, RECEIVED, ROOM};
use crate::received::{LineError, Received};

/// So much is kept for a UART that is slow.
const CAPACITY: usize = 256;
/// A FIFO has at most so many places. An emulator's is never full: without a limit nothing would ever be left to an
/// interrupt there.
const BURST: usize = 32;

/// Set by the last words of a program.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// See the [module](self).
pub(super) struct Line {
    pub(super) is_open: bool,
    input: Received,
    output: Deque<u8, CAPACITY>,
    /// The console writes.
    paused: bool,
    /// A writer has found no room.
    is_awaited: bool,
}

/// Who may go on.
#[derive(Clone, Copy, Default)]
#[must_use]
pub(super) struct Changes {
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) drained: bool,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self { is_open: false, input: Received::new(), output: Deque::new(), paused: false, is_awaited: false }
    }

    pub(super) fn open(&mut self) {
        self.is_open = true;
        Pl011::get().prepare();
        self.listen();
    }

    /// The UART has interrupted.
    pub(super) fn serve(&mut self) -> Changes {
        let status = Pl011::get().acknowledge();
        let readable = status & RECEIVED != 0 && self.fetch();
        let changes = if status & ROOM != 0 { self.send() } else { Changes::default() };
        self.listen();
        Changes { readable, ..changes }
    }

    /// Takes received bytes, as [`Received::take`].
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> Option<Result<usize, LineError>> {
        let taken = self.input.take(buffer);
        // It may have been full, and the UART holds more.
        self.fetch();
        self.listen();
        taken
    }

    pub(super) fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Takes as much of `bytes` as there is room for.
    pub(super) fn put(&mut self, bytes: &[u8]) -> (usize, Changes) {
        let was_idle = self.output.is_empty();
        let count = bytes.len().min(CAPACITY - self.output.len());
        self.output.extend(bytes[..count].iter().copied());
        // Otherwise an interrupt comes when there is room for what is before these.
        let changes = if was_idle { self.send() } else { Changes::default() };
        self.is_awaited |= self.is_full();
        self.listen();
        (count, changes)
    }

    pub(super) fn is_full(&self) -> bool {
        self.output.is_full()
    }

    pub(super) fn is_drained(&self) -> bool {
        self.output.is_empty()
    }

    /// Leaves the sending side to the console.
    pub(super) fn pause(&mut self) {
        self.paused = true;
        self.listen();
    }

    pub(super) fn resume(&mut self) -> Changes {
        self.paused = false;
        let changes = self.send();
        self.listen();
        changes
    }

    /// Sends all that is left, polled. For the end of a program.
    pub(super) fn drain(&mut self) {
        while !self.output.is_empty() && !self.paused && !STOPPED.load(Ordering::Relaxed) {
            let _ = self.send();
        }
    }

    /// Fetches what the UART has received, while there is room for it. Whether there was something.
    fn fetch(&mut self) -> bool {
        let mut has_come = false;
        while !self.input.is_full()
            && let Some(entry) = Pl011::get().receive()
        {
            self.input.push(entry);
            has_come = true;
        }
        has_come
    }

    /// Gives the UART what it has room for.
    fn send(&mut self) -> Changes {
        let uart = Pl011::get();
        for _ in 0..BURST {
            if self.paused || STOPPED.load(Ordering::Relaxed) || uart.is_full() {
                break;
            }
            match self.output.pop_front() {
                Some(byte) => uart.send(byte),
                None => break,
            }
        }
        // Not at each byte: a writer that is woken should find room for more than one.
        let writable = self.is_awaited && self.output.len() <= CAPACITY / 2;
        self.is_awaited &= !writable;
        Changes { readable: false, writable, drained: self.output.is_empty() }
    }

    /// Lets in the interrupts that there is something to do at.
    fn listen(&self) {
        if !self.is_open || STOPPED.load(Ordering::Relaxed) {
            return;
        }
        let received = if self.input.is_full() { 0 } else { RECEIVED };
        let room = if self.paused || self.output.is_empty() { 0 } else { ROOM };
        Pl011::get().let_in(received | room);
    }
}

/// From now on the driver does nothing: the program has its last words. With the lock in whoever's hands.
pub(super) fn stop_all() {
    STOPPED.store(true, Ordering::Relaxed);
    Pl011::get().let_in(0);
}
