// SPDX-License-Identifier: BSD-3-Clause
//! [`Bus`]: one bus, several drivers.

use core::fmt;

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;
use embedded_hal::i2c::{self, AddressMode, I2c};
use embedded_hal::spi::{self, Operation, SpiBus};
use kcoro_core::sync::Mutex;
use kcoro_core::wait::CannotWait;

/// A bus that several drivers use, each in a coroutine of its own. A transaction has the bus for itself; who wants to begin
/// one meanwhile parks, in the order of arrival, and all others go on.
///
/// With the bus behind a critical section, or a `RefCell`, the transactions of a driver that parks would end the program, or
/// fail.
///
/// ```
/// use embedded_hal::i2c::I2c;
/// use kcoro_baremetal_aarch64::hal::{Bus, I2cDevice};
///
/// fn two_drivers(i2c: impl I2c) -> Option<[u8; 2]> {
///     let bus = Bus::new(i2c);
///     let (mut thermometer, mut barometer) = (I2cDevice::new(&bus), I2cDevice::new(&bus));
///     let mut bytes = [0; 2];
///     let (first, second) = bytes.split_at_mut(1);
///     thermometer.write_read(0x48, &[0], first).ok()?;
///     barometer.write_read(0x76, &[0xf7], second).ok()?;
///     Some(bytes)
/// }
/// ```
#[derive(Debug)]
pub struct Bus<B>(Mutex<B>);

impl<B> Bus<B> {
    /// A bus that nobody uses yet.
    pub const fn new(bus: B) -> Self {
        Self(Mutex::new(bus))
    }

    /// The bus, when no driver has it any more.
    pub fn into_inner(self) -> B {
        self.0.into_inner()
    }
}

/// A driver's side of an I2C [`Bus`].
#[derive(Debug)]
pub struct I2cDevice<'a, B>(&'a Bus<B>);

impl<'a, B> I2cDevice<'a, B> {
    /// For a driver on `bus`.
    pub const fn new(bus: &'a Bus<B>) -> Self {
        Self(bus)
    }
}

impl<B> Clone for I2cDevice<'_, B> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

/// Why a transaction on a shared I2C bus failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum I2cDeviceError<E> {
    /// The bus says so.
    Bus(E),
    /// Another driver has the bus, and the caller cannot wait.
    CannotWait(CannotWait),
}

impl<E: fmt::Display> fmt::Display for I2cDeviceError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bus(error) => error.fmt(f),
            Self::CannotWait(why) => why.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for I2cDeviceError<E> {}

impl<E: i2c::Error> i2c::Error for I2cDeviceError<E> {
    fn kind(&self) -> i2c::ErrorKind {
        match self {
            Self::Bus(error) => error.kind(),
            Self::CannotWait(_) => i2c::ErrorKind::Other,
        }
    }
}

impl<B: i2c::ErrorType> i2c::ErrorType for I2cDevice<'_, B> {
    type Error = I2cDeviceError<B::Error>;
}

impl<A: AddressMode, B: I2c<A>> I2c<A> for I2cDevice<'_, B> {
    fn transaction(&mut self, address: A, operations: &mut [i2c::Operation<'_>]) -> Result<(), Self::Error> {
        let mut bus = self.0.0.lock().map_err(I2cDeviceError::CannotWait)?;
        bus.transaction(address, operations).map_err(I2cDeviceError::Bus)
    }
}

/// A driver's side of an SPI [`Bus`]: with the pin that selects its device, which is high while it is not.
#[derive(Debug)]
pub struct SpiDevice<'a, B, P, D> {
    bus: &'a Bus<B>,
    select: P,
    delay: D,
}

impl<'a, B, P: OutputPin, D> SpiDevice<'a, B, P, D> {
    /// For a driver on `bus` whose device is selected by `select`, set high here.
    ///
    /// # Errors
    ///
    /// Those of the pin.
    pub fn new(bus: &'a Bus<B>, mut select: P, delay: D) -> Result<Self, P::Error> {
        select.set_high()?;
        Ok(Self { bus, select, delay })
    }
}

/// Why a transaction on a shared SPI bus failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpiDeviceError<B, P> {
    /// The bus says so.
    Bus(B),
    /// The device could not be selected, or let go.
    Select(P),
    /// Another driver has the bus, and the caller cannot wait.
    CannotWait(CannotWait),
}

impl<B: fmt::Debug, P: fmt::Debug> fmt::Display for SpiDeviceError<B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bus(error) => write!(f, "the bus failed: {error:?}"),
            Self::Select(error) => write!(f, "the pin that selects the device failed: {error:?}"),
            Self::CannotWait(why) => why.fmt(f),
        }
    }
}

impl<B: fmt::Debug, P: fmt::Debug> core::error::Error for SpiDeviceError<B, P> {}

impl<B: spi::Error, P: fmt::Debug> spi::Error for SpiDeviceError<B, P> {
    fn kind(&self) -> spi::ErrorKind {
        match self {
            Self::Bus(error) => error.kind(),
            Self::Select(_) => spi::ErrorKind::ChipSelectFault,
            Self::CannotWait(_) => spi::ErrorKind::Other,
        }
    }
}

impl<B: spi::ErrorType, P: OutputPin, D> spi::ErrorType for SpiDevice<'_, B, P, D> {
    type Error = SpiDeviceError<B::Error, P::Error>;
}

impl<W: Copy + 'static, B: SpiBus<W>, P: OutputPin, D: DelayNs> spi::SpiDevice<W> for SpiDevice<'_, B, P, D> {
    fn transaction(&mut self, operations: &mut [Operation<'_, W>]) -> Result<(), Self::Error> {
        let mut bus = self.bus.0.lock().map_err(SpiDeviceError::CannotWait)?;
        self.select.set_low().map_err(SpiDeviceError::Select)?;
        let delay = &mut self.delay;
        let done = operations.iter_mut().try_for_each(|operation| carry_out(&mut *bus, delay, operation));
        // Also after a failure: the device is let go only when nothing moves on the bus any more.
        let flushed = bus.flush();
        let released = self.select.set_high();
        done.and(flushed).map_err(SpiDeviceError::Bus)?;
        released.map_err(SpiDeviceError::Select)
    }
}

fn carry_out<W: Copy + 'static, B: SpiBus<W>>(
    bus: &mut B,
    delay: &mut impl DelayNs,
    operation: &mut Operation<'_, W>,
) -> Result<(), B::Error> {
    match operation {
        Operation::Read(words) => bus.read(words),
        Operation::Write(words) => bus.write(words),
        Operation::Transfer(read, write) => bus.transfer(read, write),
        Operation::TransferInPlace(words) => bus.transfer_in_place(words),
        Operation::DelayNs(ns) => {
            // What was written before the delay is over before it, too.
            bus.flush()?;
            delay.delay_ns(*ns);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
