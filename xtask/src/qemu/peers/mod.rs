// SPDX-License-Identifier: BSD-3-Clause
//! Who is at the other end of the programs' UARTs.

pub mod eeprom;
pub mod shell;
