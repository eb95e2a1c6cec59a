// SPDX-License-Identifier: BSD-3-Clause
//! Interrupts of devices: numbers from 32 on, in registers of the distributor that both versions have alike.

use super::{FIRST_SPECIAL, PRIORITY, Registers};

const KIND: usize = 0x004;
const GROUPS: usize = 0x080;
const ENABLE: usize = 0x100;
const PRIORITIES: usize = 0x400;
const CONFIGURATION: usize = 0xc00;
const FIRST: u32 = 32;

/// How a device says that it wants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// By a signal that stays until the device has been served.
    Level,
    /// By a change of the signal.
    Edge,
}

/// Whether the distributor has interrupt `number`, and it is a device's.
pub(super) fn exists(distributor: Registers, number: u32) -> bool {
    let lines = 32 * ((distributor.read(KIND) & 0x1f) + 1);
    (FIRST..lines.min(FIRST_SPECIAL)).contains(&number)
}

/// With the one priority, and as the device signals.
pub(super) fn describe(distributor: Registers, number: u32, trigger: Trigger) {
    let byte = 8 * (number % 4);
    distributor.change(PRIORITIES + (number / 4 * 4) as usize, 0xff << byte, PRIORITY & 0xff << byte);
    let is_edge = match trigger {
        Trigger::Level => 0,
        Trigger::Edge => 2,
    };
    let pair = 2 * (number % 16);
    distributor.change(CONFIGURATION + (number / 16 * 4) as usize, 3 << pair, is_edge << pair);
}

/// Puts it into group 1.
pub(super) fn set_group(distributor: Registers, number: u32) {
    let (word, bit) = word_and_bit(number);
    distributor.change(GROUPS + word, bit, bit);
}

pub(super) fn enable(distributor: Registers, number: u32) {
    let (word, bit) = word_and_bit(number);
    distributor.write(ENABLE + word, bit);
}

/// Where registers with a bit for each interrupt have it.
fn word_and_bit(number: u32) -> (usize, u32) {
    ((number / 32 * 4) as usize, 1 << (number % 32))
}
