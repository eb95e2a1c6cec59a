// SPDX-License-Identifier: BSD-3-Clause
//! What a core has to say, until somebody reads it: records in a ring of bytes, without a lock.
//!
//! One at a time puts records in, and one at a time takes them out; both at once may be. Who puts in writes behind `end` and then
//! moves it; who takes out reads before it and then moves `begin`. Both only grow.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// A record's time, and how long its text is.
const HEAD_BYTES: usize = 9;
/// Longer text is cut.
pub(crate) const MAX_TEXT_BYTES: usize = 200;

/// See the [module](self). `BYTES` is a power of two.
pub(crate) struct Records<const BYTES: usize> {
    bytes: [AtomicU8; BYTES],
    begin: AtomicUsize,
    end: AtomicUsize,
    dropped: AtomicUsize,
}

impl<const BYTES: usize> Records<BYTES> {
    pub(crate) const fn new() -> Self {
        assert!(BYTES.is_power_of_two() && BYTES > HEAD_BYTES + MAX_TEXT_BYTES, "a record fits in");
        Self {
            bytes: [const { AtomicU8::new(0) }; BYTES],
            begin: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        }
    }

    /// Puts a record in. One that finds no room is counted.
    pub(crate) fn put(&self, time_ns: u64, text: &[u8]) {
        let text = &text[..text.len().min(MAX_TEXT_BYTES)];
        let end = self.end.load(Ordering::Relaxed);
        // Acquire: what was there has been read.
        let used = end.wrapping_sub(self.begin.load(Ordering::Acquire));
        if BYTES - used < HEAD_BYTES + text.len() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let record = time_ns.to_le_bytes().into_iter().chain([text.len() as u8]).chain(text.iter().copied());
        for (offset, byte) in record.enumerate() {
            self.byte(end.wrapping_add(offset)).store(byte, Ordering::Relaxed);
        }
        // Release: who finds the end finds the record.
        self.end.store(end.wrapping_add(HEAD_BYTES + text.len()), Ordering::Release);
    }

    /// Takes the oldest record out: its time, and the length of its text, which is at the start of `text` now.
    pub(crate) fn take(&self, text: &mut [u8; MAX_TEXT_BYTES]) -> Option<(u64, usize)> {
        let begin = self.begin.load(Ordering::Relaxed);
        // Acquire: pairs with `put`.
        if begin == self.end.load(Ordering::Acquire) {
            return None;
        }
        let byte = |offset: usize| self.byte(begin.wrapping_add(offset)).load(Ordering::Relaxed);
        let time_ns = u64::from_le_bytes(core::array::from_fn(byte));
        let length = usize::from(byte(HEAD_BYTES - 1));
        text[..length].iter_mut().enumerate().for_each(|(at, place)| *place = byte(HEAD_BYTES + at));
        // Release: who finds the room may write there.
        self.begin.store(begin.wrapping_add(HEAD_BYTES + length), Ordering::Release);
        Some((time_ns, length))
    }

    /// How many records have found no room since this was asked last.
    pub(crate) fn take_dropped(&self) -> usize {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    fn byte(&self, at: usize) -> &AtomicU8 {
        &self.bytes[at % BYTES]
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;
    use std::thread;

    use super::*;

    fn next(records: &Records<256>) -> Option<(u64, String)> {
        let mut text = [0; MAX_TEXT_BYTES];
        let (time_ns, length) = records.take(&mut text)?;
        Some((time_ns, String::from_utf8_lossy(&text[..length]).into_owned()))
    }

    #[test]
    fn records_come_out_as_they_went_in_many_times_around_the_ring() {
        let records = Records::new();
        for number in 0..1000u64 {
            let text = format!("record {number}");
            records.put(number, text.as_bytes());
            records.put(number, b"");
            assert_eq!(next(&records), Some((number, text)));
            assert_eq!(next(&records), Some((number, String::new())));
        }
        assert_eq!((next(&records), records.take_dropped()), (None, 0));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_what_was_there_stays() {
        let records = Records::new();
        (0..30u64).for_each(|number| records.put(number, &[b'.'; 31]));
        // 256 bytes hold six records of 40.
        assert_eq!((records.take_dropped(), records.take_dropped()), (24, 0));
        (0..6).for_each(|number| assert_eq!(next(&records), Some((number, ".".repeat(31)))));
        assert_eq!(next(&records), None);
    }

    #[test]
    fn long_text_is_cut() {
        let records = Records::new();
        records.put(1, &[b'x'; 250]);
        assert_eq!(next(&records), Some((1, "x".repeat(MAX_TEXT_BYTES))));
    }

    #[test]
    fn one_puts_in_while_another_takes_out() {
        const COUNT: u64 = 20_000;
        let records = Records::new();
        let mut taken = 0;
        thread::scope(|threads| {
            let putting = threads.spawn(|| (0..COUNT).for_each(|number| records.put(number, format!("{number}").as_bytes())));
            let mut last = None;
            loop {
                let is_over = putting.is_finished();
                while let Some((number, text)) = next(&records) {
                    assert_eq!(text, format!("{number}"));
                    assert!(last < Some(number), "{number} after {last:?}");
                    last = Some(number);
                    taken += 1;
                }
                if is_over {
                    break;
                }
            }
        });
        assert_eq!(taken + records.take_dropped() as u64, COUNT);
    }
}
