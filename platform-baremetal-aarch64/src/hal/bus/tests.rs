// SPDX-License-Identifier: BSD-3-Clause
//! Two drivers on one bus, in two threads; and the order of what an SPI device sees.

use core::convert::Infallible;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::vec::Vec;
use std::{thread, vec};

use embedded_hal::digital;
use embedded_hal::i2c::ErrorKind;
use embedded_hal::spi::SpiDevice as _;

use super::*;

/// An I2C bus that notices when two transactions overlap, and whose devices give their own address.
#[derive(Default)]
struct Exclusive {
    is_busy: AtomicBool,
    transactions: AtomicUsize,
}

impl i2c::ErrorType for Exclusive {
    type Error = ErrorKind;
}

impl I2c for Exclusive {
    fn transaction(&mut self, address: u8, operations: &mut [i2c::Operation<'_>]) -> Result<(), ErrorKind> {
        assert!(!self.is_busy.swap(true, Ordering::Relaxed), "two transactions at once");
        thread::yield_now();
        for operation in operations {
            if let i2c::Operation::Read(bytes) = operation {
                bytes.fill(address);
            }
        }
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.is_busy.store(false, Ordering::Relaxed);
        if address == 0x7f { Err(ErrorKind::Bus) } else { Ok(()) }
    }
}

#[test]
fn transactions_of_two_drivers_do_not_overlap_and_each_gets_its_own_answer() {
    const EACH: usize = 200;
    let bus = Bus::new(Exclusive::default());
    thread::scope(|threads| {
        for address in [0x50, 0x51] {
            let mut device = I2cDevice::new(&bus);
            threads.spawn(move || {
                for _ in 0..EACH {
                    let mut bytes = [0; 2];
                    device.write_read(address, &[1], &mut bytes).unwrap();
                    assert_eq!(bytes, [address; 2]);
                }
            });
        }
    });
    assert_eq!(bus.into_inner().transactions.into_inner(), 2 * EACH);
}

#[test]
fn an_error_of_the_bus_arrives_and_leaves_the_bus_free() {
    let bus = Bus::new(Exclusive::default());
    let mut device = I2cDevice::new(&bus);
    assert_eq!(device.write(0x7f, &[1]), Err(I2cDeviceError::Bus(ErrorKind::Bus)));
    assert_eq!(device.clone().write(0x50, &[1]), Ok(()));
}

/// What happened on the wires.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Selected,
    Released,
    Moved(usize),
    Flushed,
    Delayed(u32),
}

struct Wires<'a>(&'a RefCell<Vec<Seen>>);

impl Wires<'_> {
    fn note(&self, seen: Seen) {
        self.0.borrow_mut().push(seen);
    }
}

impl spi::ErrorType for Wires<'_> {
    type Error = spi::ErrorKind;
}

impl SpiBus for Wires<'_> {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Self::Error> {
        self.note(Seen::Moved(words.len()));
        Ok(())
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Self::Error> {
        self.note(Seen::Moved(words.len()));
        if words == [0xff] { Err(spi::ErrorKind::ModeFault) } else { Ok(()) }
    }

    fn transfer(&mut self, read: &mut [u8], _: &[u8]) -> Result<(), Self::Error> {
        self.read(read)
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Self::Error> {
        self.read(words)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.note(Seen::Flushed);
        Ok(())
    }
}

impl digital::ErrorType for Wires<'_> {
    type Error = Infallible;
}

impl OutputPin for Wires<'_> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.note(Seen::Selected);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.note(Seen::Released);
        Ok(())
    }
}

impl DelayNs for Wires<'_> {
    fn delay_ns(&mut self, ns: u32) {
        self.note(Seen::Delayed(ns));
    }
}

fn seen(operations: &mut [Operation<'_, u8>]) -> (Vec<Seen>, bool) {
    let wires = RefCell::new(Vec::new());
    let bus = Bus::new(Wires(&wires));
    let mut device = SpiDevice::new(&bus, Wires(&wires), Wires(&wires)).unwrap();
    assert_eq!(wires.take(), [Seen::Released], "a device that is not used is not selected");
    let is_done = device.transaction(operations).is_ok();
    (wires.take(), is_done)
}

#[test]
fn a_device_is_selected_throughout_its_transaction_and_let_go_when_all_has_moved() {
    let (seen, is_done) =
        seen(&mut [Operation::Write(&[1, 2, 3]), Operation::DelayNs(50), Operation::Read(&mut [0; 2])]);
    let expected = vec![
        Seen::Selected,
        Seen::Moved(3),
        Seen::Flushed,
        Seen::Delayed(50),
        Seen::Moved(2),
        Seen::Flushed,
        Seen::Released,
    ];
    assert_eq!((seen, is_done), (expected, true));
}

#[test]
fn a_device_is_let_go_after_a_failure_and_what_comes_after_it_is_left_out() {
    let (seen, is_done) = seen(&mut [Operation::Write(&[0xff]), Operation::Write(&[1])]);
    assert_eq!((seen, is_done), (vec![Seen::Selected, Seen::Moved(1), Seen::Flushed, Seen::Released], false));
}
