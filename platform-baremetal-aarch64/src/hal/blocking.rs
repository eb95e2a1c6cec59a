// SPDX-License-Identifier: BSD-3-Clause
//! [`Blocking`]: drivers for async code, in coroutines.

use core::fmt;

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
use embedded_hal::delay;
use embedded_hal::{digital, i2c, spi};
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
use embedded_hal_async::delay as async_delay;
use embedded_hal_async::{digital as async_digital, i2c as async_i2c, spi as async_spi};
use kcoro_core::wait::{WaitError, block_on};

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
use super::Delay;

/// A driver that is written for async code, for those that block: each call runs the driver's future to its end and parks the
/// coroutine while it is pending.
///
/// **Cancellation.** Each call is a cancellation point, except delays: a cancel drops the future where it is. What that means
/// for the device is the driver's to say, as in async code.
///
/// ```
/// use embedded_hal::i2c::I2c;
/// use kcoro_baremetal_aarch64::hal::Blocking;
///
/// fn read_id(bus: impl embedded_hal_async::i2c::I2c) -> Option<u8> {
///     let mut id = [0];
///     Blocking(bus).write_read(0x76, &[0xd0], &mut id).ok()?;
///     Some(id[0])
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Blocking<T>(pub T);

/// Why a call of a [`Blocking`] driver failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockingError<E> {
    /// The driver says so.
    Driver(E),
    /// The driver's future did not end: the caller was cancelled, or cannot wait.
    Wait(WaitError),
}

impl<E: fmt::Display> fmt::Display for BlockingError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => error.fmt(f),
            Self::Wait(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for BlockingError<E> {}

/// Runs what a driver returns.
fn run<T, E>(future: impl Future<Output = Result<T, E>>) -> Result<T, BlockingError<E>> {
    block_on(future).map_err(BlockingError::Wait)?.map_err(BlockingError::Driver)
}

impl<E: i2c::Error> i2c::Error for BlockingError<E> {
    fn kind(&self) -> i2c::ErrorKind {
        match self {
            Self::Driver(error) => error.kind(),
            Self::Wait(_) => i2c::ErrorKind::Other,
        }
    }
}

impl<E: spi::Error> spi::Error for BlockingError<E> {
    fn kind(&self) -> spi::ErrorKind {
        match self {
            Self::Driver(error) => error.kind(),
            Self::Wait(_) => spi::ErrorKind::Other,
        }
    }
}

impl<T: i2c::ErrorType> i2c::ErrorType for Blocking<T> {
    type Error = BlockingError<T::Error>;
}

impl<A: i2c::AddressMode, T: async_i2c::I2c<A>> i2c::I2c<A> for Blocking<T> {
    fn transaction(&mut self, address: A, operations: &mut [i2c::Operation<'_>]) -> Result<(), Self::Error> {
        run(self.0.transaction(address, operations))
    }
}

impl<T: spi::ErrorType> spi::ErrorType for Blocking<T> {
    type Error = BlockingError<T::Error>;
}

impl<W: Copy + 'static, T: async_spi::SpiDevice<W>> spi::SpiDevice<W> for Blocking<T> {
    fn transaction(&mut self, operations: &mut [spi::Operation<'_, W>]) -> Result<(), Self::Error> {
        run(self.0.transaction(operations))
    }
}

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
impl<T: async_delay::DelayNs> delay::DelayNs for Blocking<T> {
    /// A delay has no error, and is never short: if the driver's cannot be waited for, as the caller is cancelled, [`Delay`]
    /// takes over.
    fn delay_ns(&mut self, ns: u32) {
        if block_on(self.0.delay_ns(ns)).is_err() {
            Delay::new().delay_ns(ns);
        }
    }
}

impl<T: async_digital::Wait> Blocking<T> {
    /// Parks until the pin is high.
    ///
    /// # Errors
    ///
    /// See [`BlockingError`].
    pub fn wait_for_high(&mut self) -> Result<(), BlockingError<T::Error>>
    where
        T: digital::ErrorType,
    {
        run(self.0.wait_for_high())
    }

    /// Parks until the pin is low.
    ///
    /// # Errors
    ///
    /// See [`BlockingError`].
    pub fn wait_for_low(&mut self) -> Result<(), BlockingError<T::Error>>
    where
        T: digital::ErrorType,
    {
        run(self.0.wait_for_low())
    }

    /// Parks until the pin changes.
    ///
    /// # Errors
    ///
    /// See [`BlockingError`].
    pub fn wait_for_any_edge(&mut self) -> Result<(), BlockingError<T::Error>>
    where
        T: digital::ErrorType,
    {
        run(self.0.wait_for_any_edge())
    }
}

#[cfg(test)]
mod tests {
    use core::future::poll_fn;
    use core::task::Poll;
    use std::vec::Vec;

    use embedded_hal::i2c::{ErrorKind, I2c as _, NoAcknowledgeSource, Operation};

    use super::*;

    /// A device that needs to be polled so often before it answers, and has no address but one.
    struct Slow(usize);

    const ADDRESS: u8 = 0x40;

    impl i2c::ErrorType for Slow {
        type Error = ErrorKind;
    }

    impl async_i2c::I2c for Slow {
        async fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
            let mut left = self.0;
            poll_fn(|context| {
                context.waker().wake_by_ref();
                let is_ready = left == 0;
                left = left.saturating_sub(1);
                if is_ready { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            if address != ADDRESS {
                return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
            }
            for operation in operations {
                if let Operation::Read(bytes) = operation {
                    bytes.fill(7);
                }
            }
            Ok(())
        }
    }

    #[test]
    fn a_call_returns_when_the_future_is_ready_however_often_it_was_pending() {
        for pending in [0, 1, 5] {
            let mut bytes = Vec::from([0; 3]);
            assert_eq!(Blocking(Slow(pending)).read(ADDRESS, &mut bytes), Ok(()));
            assert_eq!(bytes, [7; 3]);
        }
    }

    #[test]
    fn what_the_driver_says_is_what_the_caller_gets() {
        let error = Blocking(Slow(1)).write(ADDRESS + 1, &[1]).unwrap_err();
        assert_eq!(i2c::Error::kind(&error), ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
    }
}
