// SPDX-License-Identifier: BSD-3-Clause
//! An SC18IM700 and what is on its I2C bus: a 24C256 at 0x50, another at 0x51 whose writes take very long, and a thermometer
//! at 0x48.

use std::thread;
use std::time::{Duration, Instant};

use crate::qemu::wire::Wire;

const EEPROM: u8 = 0x50;
const SLOW_EEPROM: u8 = 0x51;
const THERMOMETER: u8 = 0x48;
/// What the thermometer measures: 21.5 degrees, in eighths.
const TEMPERATURE: u16 = 21 * 8 + 4;

/// How long the bridge takes for a transaction. A fast bus is faster, and a slow serial line slower.
const TRANSFER: Duration = Duration::from_millis(2);

// What the bridge's register says of the last transaction.
const STATUS: u8 = 0x0a;
const DONE: u8 = 0xf0;
const NO_DEVICE: u8 = 0xf1;
const REFUSED: u8 = 0xf2;

/// Plays both until the program ends.
pub fn bridge(wire: &mut Wire) -> Result<(), String> {
    let mut bridge = Bridge { devices: Devices::default(), status: DONE, reads: 0 };
    // What it says when it is switched on.
    wire.send(b"OK")?;
    while let Some(byte) = wire.byte() {
        match byte {
            b'S' => bridge.transaction(wire)?,
            b'R' => {
                let register = next(wire)?;
                stop(wire)?;
                if register != STATUS {
                    return Err(format!("register {register:#x} was asked for"));
                }
                wire.send(&[bridge.status])?;
            }
            other => return Err(format!("{other:#x} is no message")),
        }
    }
    if bridge.reads == 0 { Err("nothing was read from the bus".to_owned()) } else { Ok(()) }
}

fn next(wire: &mut Wire) -> Result<u8, String> {
    wire.byte().ok_or_else(|| "the program ended in the middle of a message".to_owned())
}

fn stop(wire: &mut Wire) -> Result<(), String> {
    match next(wire)? {
        b'P' => Ok(()),
        other => Err(format!("a message ends with {other:#x}, not with P")),
    }
}

struct Bridge {
    devices: Devices,
    status: u8,
    reads: usize,
}

impl Bridge {
    /// All of the message is taken; what a device does not acknowledge ends it on the bus.
    fn transaction(&mut self, wire: &mut Wire) -> Result<(), String> {
        let mut answer = Vec::new();
        self.status = DONE;
        loop {
            let (address, count) = (next(wire)?, next(wire)?);
            let is_read = address & 1 != 0;
            let written =
                if is_read { Vec::new() } else { (0..count).map(|_| next(wire)).collect::<Result<_, _>>()? };
            if self.status == DONE {
                let done = match is_read {
                    true => self.devices.read(address >> 1, count).map(|bytes| answer.extend(bytes)),
                    false => self.devices.write(address >> 1, &written),
                };
                self.reads += usize::from(is_read && done.is_ok());
                self.status = done.err().unwrap_or(DONE);
            }
            match next(wire)? {
                b'S' => {}
                b'P' => break,
                other => return Err(format!("{other:#x} follows a part of a message")),
            }
        }
        self.devices.stop();
        take_time();
        wire.send(&answer)
    }
}

struct Devices {
    eeprom: Eeprom,
    slow_eeprom: Eeprom,
    thermometer_register: u8,
}

impl Default for Devices {
    fn default() -> Self {
        Self { eeprom: Eeprom::new(WRITING), slow_eeprom: Eeprom::new(WRITING_SLOWLY), thermometer_register: 0 }
    }
}

impl Devices {
    fn write(&mut self, address: u8, bytes: &[u8]) -> Result<(), u8> {
        match address {
            EEPROM => self.eeprom.write(bytes),
            SLOW_EEPROM => self.slow_eeprom.write(bytes),
            THERMOMETER => match bytes {
                [] => Ok(()),
                [register @ 0..=3] => {
                    self.thermometer_register = *register;
                    Ok(())
                }
                _ => Err(REFUSED),
            },
            _ => Err(NO_DEVICE),
        }
    }

    fn read(&mut self, address: u8, count: u8) -> Result<Vec<u8>, u8> {
        match address {
            EEPROM => self.eeprom.read(count),
            SLOW_EEPROM => self.slow_eeprom.read(count),
            THERMOMETER => {
                let value = if self.thermometer_register == 0 { TEMPERATURE } else { 0 };
                Ok(value.to_be_bytes().into_iter().cycle().take(count.into()).collect())
            }
            _ => Err(NO_DEVICE),
        }
    }

    /// The end of a transaction.
    fn stop(&mut self) {
        self.eeprom.stop();
        self.slow_eeprom.stop();
    }
}

const SIZE: usize = 32 * 1024;
const PAGE: usize = 64;
/// How long a write takes, during which the chip acknowledges nothing.
const WRITING: Duration = Duration::from_millis(4);
/// So long that whoever asks next finds it writing, however busy this machine is.
const WRITING_SLOWLY: Duration = Duration::from_secs(60);

struct Eeprom {
    memory: Vec<u8>,
    at: usize,
    /// What a write has brought; it begins when the transaction ends.
    pending: Vec<u8>,
    writing: Duration,
    busy_until: Option<Instant>,
}

impl Eeprom {
    fn new(writing: Duration) -> Self {
        Self { memory: vec![0xff; SIZE], at: 0, pending: Vec::new(), writing, busy_until: None }
    }

    fn check_busy(&mut self) -> Result<(), u8> {
        if self.busy_until.is_some_and(|until| Instant::now() < until) {
            return Err(NO_DEVICE);
        }
        self.busy_until = None;
        Ok(())
    }

    /// The place, of two bytes, and what to write there.
    fn write(&mut self, bytes: &[u8]) -> Result<(), u8> {
        self.check_busy()?;
        if let Some(([high, low], data)) = bytes.split_first_chunk() {
            self.at = usize::from(u16::from_be_bytes([*high, *low])) % SIZE;
            self.pending = data.to_vec();
        }
        Ok(())
    }

    fn read(&mut self, count: u8) -> Result<Vec<u8>, u8> {
        self.check_busy()?;
        // Another start instead of a stop: there was nothing to write.
        self.pending.clear();
        let bytes = (0..usize::from(count)).map(|offset| self.memory[(self.at + offset) % SIZE]).collect();
        self.at = (self.at + usize::from(count)) % SIZE;
        Ok(bytes)
    }

    fn stop(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        for byte in std::mem::take(&mut self.pending) {
            self.memory[self.at] = byte;
            // At the end of a page the place goes back to its beginning.
            self.at = self.at / PAGE * PAGE + (self.at + 1) % PAGE;
        }
        self.busy_until = Some(Instant::now() + self.writing);
    }
}

/// As the bridge does on its bus. Nobody counts on it: it makes the program wait where a real one would.
#[expect(clippy::disallowed_methods, reason = "a device takes its time")]
fn take_time() {
    thread::sleep(TRANSFER);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(at: u16, bytes: &[u8]) -> Devices {
        let mut devices = Devices::default();
        devices.write(EEPROM, &[&at.to_be_bytes(), bytes].concat()).unwrap();
        devices.stop();
        devices
    }

    #[test]
    fn what_runs_over_the_end_of_a_page_goes_on_at_its_beginning() {
        let devices = written(126, &[1, 2, 3]);
        assert_eq!(devices.eeprom.memory[126..129], [1, 2, 0xff]);
        assert_eq!(devices.eeprom.memory[64..66], [3, 0xff]);
    }

    #[test]
    fn it_acknowledges_nothing_while_it_writes() {
        let mut devices = written(0, &[1]);
        devices.write(SLOW_EEPROM, &[0, 0, 1]).unwrap();
        devices.stop();
        assert_eq!(devices.write(SLOW_EEPROM, &[0, 0]), Err(NO_DEVICE));
        assert_eq!(devices.read(SLOW_EEPROM, 1), Err(NO_DEVICE));
        devices.eeprom.busy_until = Some(Instant::now());
        assert_eq!(devices.write(EEPROM, &[0, 0]), Ok(()));
        assert_eq!(devices.read(EEPROM, 2), Ok(vec![1, 0xff]));
    }

    #[test]
    fn other_addresses_are_nobodys() {
        assert_eq!(Devices::default().write(0x52, &[0, 0]), Err(NO_DEVICE));
        assert_eq!(Devices::default().write(THERMOMETER, &[9]), Err(REFUSED));
    }
}
