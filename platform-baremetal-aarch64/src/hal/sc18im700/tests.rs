// SPDX-License-Identifier: BSD-3-Clause
//! What goes over the line, byte by byte.

use core::convert::Infallible;
use std::collections::VecDeque;
use std::vec::Vec;

use embedded_io::ErrorType;

use super::*;

/// A line whose other end has said what it will say; then it ends.
#[derive(Default)]
struct Script {
    sent: Vec<u8>,
    /// What is still there of an answer before.
    stale: VecDeque<u8>,
    answers: VecDeque<u8>,
}

impl ErrorType for Script {
    type Error = Infallible;
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let from = if self.stale.is_empty() { &mut self.answers } else { &mut self.stale };
        let count = buffer.len().min(from.len());
        buffer.iter_mut().zip(from.drain(..count)).for_each(|(place, byte)| *place = byte);
        Ok(count)
    }
}

impl ReadReady for Script {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.stale.is_empty())
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.sent.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

fn bridge(answers: &[u8]) -> Sc18im700<Script> {
    let script = Script { answers: answers.iter().copied().collect(), ..Script::default() };
    Sc18im700::new(script, Duration::from_secs(1))
}

#[test]
fn a_write_is_a_message_and_the_question_how_it_went() {
    let mut bridge = bridge(&[DONE]);
    assert_eq!(bridge.write(0x50, &[0x01, 0x40, 0xaa]), Ok(()));
    assert_eq!(bridge.into_inner().sent, b"S\xa0\x03\x01\x40\xaaPR\x0aP");
}

#[test]
fn a_read_after_a_write_begins_anew_without_a_stop() {
    let mut bridge = bridge(&[7, 8, DONE]);
    let mut bytes = [0; 2];
    assert_eq!(bridge.write_read(0x50, &[0x01, 0x40], &mut bytes), Ok(()));
    assert_eq!(bytes, [7, 8]);
    assert_eq!(bridge.into_inner().sent, b"S\xa0\x02\x01\x40S\xa1\x02PR\x0aP");
}

#[test]
fn what_follows_in_the_same_direction_is_one_go() {
    let mut bridge = bridge(&[1, 2, 3, DONE]);
    let (mut one, mut two) = ([0; 1], [0; 2]);
    let mut operations =
        [Operation::Write(&[1]), Operation::Write(&[2, 3]), Operation::Read(&mut one), Operation::Read(&mut two)];
    assert_eq!(bridge.transaction(0x20, &mut operations), Ok(()));
    assert_eq!((one, two), ([1], [2, 3]));
    assert_eq!(bridge.into_inner().sent, b"S\x40\x03\x01\x02\x03S\x41\x03PR\x0aP");
}

#[test]
fn a_refusal_is_told_apart_from_data_that_looks_like_one() {
    let mut bytes = [0; 2];
    assert_eq!(bridge(&[NO_DEVICE, REFUSED, DONE]).read(0x50, &mut bytes), Ok(()));
    assert_eq!(bytes, [NO_DEVICE, REFUSED]);
    for (answer, source) in [(NO_DEVICE, NoAcknowledgeSource::Address), (REFUSED, NoAcknowledgeSource::Data)] {
        // With the data left out, as the bridge does, and with something in its place.
        for answers in [&[answer][..], &[0xff, 0xff, answer]] {
            let error = bridge(answers).read(0x50, &mut bytes).unwrap_err();
            assert_eq!(error, Sc18im700Error::NoAcknowledge(source));
        }
        assert_eq!(bridge(&[answer]).write(0x50, &[1]), Err(Sc18im700Error::NoAcknowledge(source)));
    }
    assert_eq!(bridge(&[TIMED_OUT]).write(0x50, &[1]), Err(Sc18im700Error::BusTimedOut));
}

#[test]
fn an_answer_that_is_none_or_breaks_off_is_an_error() {
    assert_eq!(bridge(&[]).write(0x50, &[1]), Err(Sc18im700Error::NoAnswer));
    assert_eq!(bridge(&[0x33]).write(0x50, &[1]), Err(Sc18im700Error::WrongAnswer(0x33)));
    assert_eq!(bridge(&[1, DONE]).read(0x50, &mut [0; 4]), Err(Sc18im700Error::WrongAnswer(DONE)));
}

#[test]
fn what_is_left_of_the_answer_before_is_thrown_away() {
    let mut bridge = bridge(&[DONE]);
    bridge.serial.stale.extend([NO_DEVICE; 40]);
    assert_eq!(bridge.write(0x50, &[1]), Ok(()));
}

#[test]
fn nothing_is_sent_of_what_is_too_long() {
    let mut bridge = bridge(&[]);
    assert_eq!(bridge.write(0x50, &[0; 256]), Err(Sc18im700Error::Length(256)));
    assert_eq!(bridge.write_read(0x50, &[1], &mut []), Err(Sc18im700Error::Length(0)));
    assert_eq!(bridge.transaction(0x50, &mut []), Ok(()));
    assert_eq!(bridge.into_inner().sent, b"");
}
