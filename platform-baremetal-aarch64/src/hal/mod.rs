// SPDX-License-Identifier: BSD-3-Clause
//! The traits of embedded-hal, for drivers that know nothing of coroutines: where they would block, their coroutine parks and
//! the others run.
//!
//! | type | what it is |
//! |---|---|
//! | `Delay` | `DelayNs`: parks for what is worth it, spins for less |
//! | [`Blocking`] | makes a blocking driver of one that is written for async code |
//! | [`Bus`], [`I2cDevice`], [`SpiDevice`] | several drivers, in several coroutines, on one bus |
//! | [`Sc18im700`] | an I2C bus behind a UART |

mod blocking;
mod bus;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod delay;
mod sc18im700;

pub use self::blocking::{Blocking, BlockingError};
pub use self::bus::{Bus, I2cDevice, I2cDeviceError, SpiDevice, SpiDeviceError};
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
pub use self::delay::Delay;
pub use self::sc18im700::{Sc18im700, Sc18im700Error};
