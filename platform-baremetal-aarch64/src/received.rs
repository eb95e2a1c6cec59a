// SPDX-License-Identifier: BSD-3-Clause
//! What has been received and not read: bytes, and at which of them something was wrong.

use core::fmt;

use heapless::Deque;

/// What went wrong on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// A byte had no stop bit: the speeds differ, or there was noise. The byte is dropped.
    Framing,
    /// A byte had the wrong parity. It is dropped.
    Parity,
    /// The line was held at zero for longer than a byte takes: the other end wants attention, or has been unplugged.
    Break,
    /// Bytes came faster than they were fetched, and some are lost, here.
    Overrun,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Framing => "a byte without a stop bit was received",
            Self::Parity => "a byte with the wrong parity was received",
            Self::Break => "the line was held at zero",
            Self::Overrun => "bytes were lost: they came faster than they were fetched",
        })
    }
}

impl core::error::Error for LineError {}

// As a PL011 notes them beside the byte.
const FRAMING: u16 = 1 << 8;
const PARITY: u16 = 1 << 9;
const BREAK: u16 = 1 << 10;
const OVERRUN: u16 = 1 << 11;
const ERRORS: u16 = FRAMING | PARITY | BREAK | OVERRUN;

/// So much is kept for a reader that is late. When it is full the UART keeps what comes, and lets the other end wait, if it can.
const CAPACITY: usize = 256;

/// See the [module](self).
pub(crate) struct Received(Deque<u16, CAPACITY>);

impl Received {
    pub(crate) const fn new() -> Self {
        Self(Deque::new())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.is_full()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a byte with its errors. There is room.
    pub(crate) fn push(&mut self, entry: u16) {
        let pushed = self.0.push_back(entry);
        debug_assert!(pushed.is_ok(), "the caller has looked whether there is room");
    }

    /// Takes bytes up to the first with an error, or that error if it is the first; `None` when there is nothing.
    pub(crate) fn take(&mut self, buffer: &mut [u8]) -> Option<Result<usize, LineError>> {
        let first = self.0.front_mut()?;
        if let Some(error) = Self::error_of(*first) {
            if error == LineError::Overrun {
                // Its own byte is good, if nothing else was wrong: what is lost came after the one before.
                *first &= !OVERRUN;
            } else {
                self.0.pop_front();
            }
            return Some(Err(error));
        }
        let mut count = 0;
        while let Some(place) = buffer.get_mut(count)
            && let Some(entry) = self.0.front()
            && entry & ERRORS == 0
        {
            *place = *entry as u8;
            self.0.pop_front();
            count += 1;
        }
        Some(Ok(count))
    }

    fn error_of(entry: u16) -> Option<LineError> {
        // A break also looks like a byte without a stop bit.
        let all = [
            (OVERRUN, LineError::Overrun),
            (BREAK, LineError::Break),
            (PARITY, LineError::Parity),
            (FRAMING, LineError::Framing),
        ];
        all.into_iter().find(|(bit, _)| entry & bit != 0).map(|(_, error)| error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(entries: &[u16]) -> Received {
        let mut received = Received::new();
        entries.iter().for_each(|entry| received.push(*entry));
        received
    }

    fn text(received: &mut Received, most: usize) -> std::string::String {
        let mut buffer = [0; 16];
        let count = received.take(&mut buffer[..most]).unwrap().unwrap();
        std::string::String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    #[test]
    fn bytes_come_in_order_and_as_many_as_are_asked_for() {
        let mut received = received(&[b'a'.into(), b'b'.into(), b'c'.into()]);
        assert_eq!((text(&mut received, 2), text(&mut received, 2)), ("ab".into(), "c".into()));
        assert_eq!(received.take(&mut [0]), None);
    }

    #[test]
    fn an_error_comes_between_the_bytes_where_it_happened_and_its_byte_does_not() {
        for (bits, error) in
            [(FRAMING, LineError::Framing), (PARITY, LineError::Parity), (BREAK | FRAMING, LineError::Break)]
        {
            let mut received = received(&[b'a'.into(), bits | 0x55, b'b'.into()]);
            assert_eq!(text(&mut received, 9), "a");
            assert_eq!(received.take(&mut [0; 9]), Some(Err(error)));
            assert_eq!(text(&mut received, 9), "b");
        }
    }

    #[test]
    fn of_an_overrun_the_byte_itself_is_good() {
        let mut received = received(&[OVERRUN | u16::from(b'x')]);
        assert_eq!(received.take(&mut [0; 9]), Some(Err(LineError::Overrun)));
        assert_eq!(text(&mut received, 9), "x");
        assert!(received.is_empty());
    }

    #[test]
    fn it_is_full_at_its_capacity_and_has_room_after_a_read() {
        let mut received = received(&[b'.'.into(); CAPACITY]);
        assert!(received.is_full());
        assert_eq!(received.take(&mut [0]), Some(Ok(1)));
        assert!(!received.is_full());
    }
}
