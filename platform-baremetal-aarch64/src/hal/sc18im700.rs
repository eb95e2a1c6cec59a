// SPDX-License-Identifier: BSD-3-Clause
//! [`Sc18im700`]: an I2C bus at the far end of a UART.
//!
//! The bridge takes messages of bytes. One is a transaction, `S address count [data]` for each direction and `P` at its end; the
//! lowest bit of the address says that `count` bytes are to be read. `R register P` asks for one of the bridge's own registers,
//! of which one says what came of the last transaction. What is read comes back without any frame.
//!
//! So each transaction is followed by the question how it went, and the last byte that comes back is the answer. Of one that
//! nobody acknowledged the bridge sends no data: then the answer comes alone, and after it nothing.

use core::fmt;
use core::iter;
use core::time::Duration;

use embedded_hal::i2c::{self, I2c, NoAcknowledgeSource, Operation, SevenBitAddress};
use embedded_io::{Read, ReadReady, Write};
use kcoro_core::time::timeout;

const START: u8 = b'S';
const STOP: u8 = b'P';
const READ_REGISTER: u8 = b'R';
/// What came of the last transaction.
const STATUS: u8 = 0x0a;
/// How many bytes a message can move in one direction: a count is one byte.
const MOST: usize = 255;

// What that register says.
const DONE: u8 = 0xf0;
const NO_DEVICE: u8 = 0xf1;
const REFUSED: u8 = 0xf2;
const TIMED_OUT: u8 = 0xf8;

/// When nothing has come for so long the answer is complete. A byte takes 1 ms at the bridge's slowest usual speed.
const GAP: Duration = Duration::from_millis(250);

/// An I2C bus by a bridge SC18IM700, which is spoken to over a serial line. Who uses the bus parks while it works.
///
/// A transaction can move 255 bytes in one go in one direction.
///
/// **Cancellation.** A transaction is a cancellation point. One that is cancelled may have been carried out; what it still
/// sends is thrown away before the next.
#[derive(Debug)]
pub struct Sc18im700<S> {
    serial: S,
    patience: Duration,
}

/// Why a transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sc18im700Error<E> {
    /// The serial line failed, or the wait for it.
    Serial(E),
    /// A device has not acknowledged.
    NoAcknowledge(NoAcknowledgeSource),
    /// The bridge says that the bus was held up for too long.
    BusTimedOut,
    /// The bridge has not answered.
    NoAnswer,
    /// The bridge has answered what it should not.
    WrongAnswer(u8),
    /// So many bytes cannot be moved in one go: 1 to 255 can be read, 0 to 255 written.
    Length(usize),
}

impl<E: fmt::Debug> fmt::Display for Sc18im700Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(error) => write!(f, "the serial line to the I2C bridge failed: {error:?}"),
            Self::NoAcknowledge(_) => f.write_str("no acknowledge on the I2C bus"),
            Self::BusTimedOut => f.write_str("the I2C bus was held up for too long"),
            Self::NoAnswer => f.write_str("the I2C bridge does not answer"),
            Self::WrongAnswer(byte) => write!(f, "the I2C bridge has answered {byte:#04x}, which is no answer"),
            Self::Length(bytes) => write!(f, "the I2C bridge cannot move {bytes} bytes in one go"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Sc18im700Error<E> {}

impl<E: fmt::Debug> i2c::Error for Sc18im700Error<E> {
    fn kind(&self) -> i2c::ErrorKind {
        match self {
            Self::NoAcknowledge(source) => i2c::ErrorKind::NoAcknowledge(*source),
            Self::BusTimedOut => i2c::ErrorKind::Bus,
            _ => i2c::ErrorKind::Other,
        }
    }
}

impl<S: Read + ReadReady + Write> Sc18im700<S> {
    /// The bridge at the other end of `serial`, which answers within `patience`: at its speed, a transaction takes so long at
    /// most.
    pub const fn new(serial: S, patience: Duration) -> Self {
        Self { serial, patience }
    }

    /// The serial line.
    pub fn into_inner(self) -> S {
        self.serial
    }

    /// What is left of an answer that nobody waited for.
    fn throw_away(&mut self) -> Result<(), S::Error> {
        while self.serial.read_ready()? {
            self.serial.read(&mut [0; 16])?;
        }
        Ok(())
    }

    /// Fills `places` with the answer, the last of which is for what came of it. An answer that breaks off ends with that, too.
    fn receive<'b>(
        &mut self,
        mut places: impl Iterator<Item = &'b mut u8>,
        expected: usize,
    ) -> Result<u8, Sc18im700Error<S::Error>> {
        let (mut count, mut last, mut chunk) = (0, 0, [0; 32]);
        while count < expected {
            let limit = if count == 0 { self.patience } else { GAP };
            let most = chunk.len().min(expected - count);
            let received = match timeout(limit, || self.serial.read(&mut chunk[..most])) {
                Ok(received) => received.map_err(Sc18im700Error::Serial)?,
                Err(late) => late.0.unwrap_or(0),
            };
            if received == 0 {
                break;
            }
            for (byte, place) in chunk[..received].iter().zip(&mut places) {
                *place = *byte;
                last = *byte;
            }
            count += received;
        }
        match (count, last) {
            (0, _) => Err(Sc18im700Error::NoAnswer),
            (_, DONE) if count < expected => Err(Sc18im700Error::WrongAnswer(last)),
            _ => Ok(last),
        }
    }
}

impl<S: Read + ReadReady + Write> i2c::ErrorType for Sc18im700<S> {
    type Error = Sc18im700Error<S::Error>;
}

impl<S: Read + ReadReady + Write> I2c<SevenBitAddress> for Sc18im700<S> {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Self::Error> {
        if operations.is_empty() {
            return Ok(());
        }
        // Before anything is sent: half a message would make the bridge take the next for its rest.
        goes(operations).try_for_each(check_length).map_err(Sc18im700Error::Length)?;
        self.throw_away().map_err(Sc18im700Error::Serial)?;
        send(&mut self.serial, address, operations).map_err(Sc18im700Error::Serial)?;
        let mut status = 0;
        let to_read = operations.iter().map(read_bytes).sum::<usize>();
        let places = operations.iter_mut().flat_map(places).chain(iter::once(&mut status));
        judge(self.receive(places, to_read + 1)?)
    }
}

/// The operations of one direction that follow one another: no other start comes between them.
fn goes<'a, 'b>(operations: &'a [Operation<'b>]) -> impl Iterator<Item = &'a [Operation<'b>]> {
    operations.chunk_by(|one, next| is_read(one) == is_read(next))
}

fn is_read(operation: &Operation<'_>) -> bool {
    matches!(operation, Operation::Read(_))
}

fn read_bytes(operation: &Operation<'_>) -> usize {
    if is_read(operation) { length(operation) } else { 0 }
}

fn length(operation: &Operation<'_>) -> usize {
    match operation {
        Operation::Read(bytes) => bytes.len(),
        Operation::Write(bytes) => bytes.len(),
    }
}

fn places<'a>(operation: &'a mut Operation<'_>) -> impl Iterator<Item = &'a mut u8> {
    match operation {
        Operation::Read(bytes) => bytes.iter_mut(),
        Operation::Write(_) => [].iter_mut(),
    }
}

fn check_length(go: &[Operation<'_>]) -> Result<(), usize> {
    let least = usize::from(is_read(&go[0]));
    let bytes = go.iter().map(length).sum();
    if (least..=MOST).contains(&bytes) { Ok(()) } else { Err(bytes) }
}

/// Sends the message for the transaction, and the question what came of it.
fn send<W: Write>(serial: &mut W, address: u8, operations: &[Operation<'_>]) -> Result<(), W::Error> {
    for go in goes(operations) {
        let count: usize = go.iter().map(length).sum();
        serial.write_all(&[START, address << 1 | u8::from(is_read(&go[0])), count as u8])?;
        for operation in go {
            if let Operation::Write(bytes) = operation {
                serial.write_all(bytes)?;
            }
        }
    }
    serial.write_all(&[STOP, READ_REGISTER, STATUS, STOP])
}

fn judge<E>(status: u8) -> Result<(), Sc18im700Error<E>> {
    match status {
        DONE => Ok(()),
        NO_DEVICE => Err(Sc18im700Error::NoAcknowledge(NoAcknowledgeSource::Address)),
        REFUSED => Err(Sc18im700Error::NoAcknowledge(NoAcknowledgeSource::Data)),
        TIMED_OUT => Err(Sc18im700Error::BusTimedOut),
        other => Err(Sc18im700Error::WrongAnswer(other)),
    }
}

#[cfg(test)]
mod tests;
