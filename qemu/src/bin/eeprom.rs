// SPDX-License-Identifier: BSD-3-Clause
//! A driver that knows nothing of coroutines: `eeprom24x`, as its authors publish it, on an I2C bus behind the UART. Where it
//! blocks, its coroutine parks; others go on in each transfer. A second driver shares the bus. Text goes to the debugger, for
//! the machine has one UART.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;

use eeprom24x::{Eeprom24x, SlaveAddr, Storage};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{Error, ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};
use embedded_storage::{ReadStorage, Storage as _};
use kcoro_baremetal_aarch64::hal::{Bus, Delay, I2cDevice, Sc18im700};
use kcoro_baremetal_aarch64::sched::{Builder, JoinHandle, Runtime, yield_now};
use kcoro_baremetal_aarch64::time::sleep;
use kcoro_baremetal_aarch64::{BareMetal, Console, ExitCode, Machine, Uart, entry, say};

entry!(main);

/// What the coroutine that has nothing to do with the bus has done.
static PROGRESS: AtomicUsize = AtomicUsize::new(0);
static TRANSFERS: AtomicUsize = AtomicUsize::new(0);
static TRANSFERS_BESIDE_PROGRESS: AtomicUsize = AtomicUsize::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Counts what others do during each transfer.
struct Watched<B>(B);

impl<B: ErrorType> ErrorType for Watched<B> {
    type Error = B::Error;
}

impl<B: I2c> I2c for Watched<B> {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), B::Error> {
        let before = PROGRESS.load(Ordering::Relaxed);
        let done = self.0.transaction(address, operations);
        TRANSFERS.fetch_add(1, Ordering::Relaxed);
        let went_on = PROGRESS.load(Ordering::Relaxed) > before;
        TRANSFERS_BESIDE_PROGRESS.fetch_add(usize::from(went_on), Ordering::Relaxed);
        done
    }
}

type Shared = Bus<Watched<Sc18im700<&'static Uart>>>;
type Device<'a> = I2cDevice<'a, Watched<Sc18im700<&'static Uart>>>;

const EEPROM: u8 = 0x50;
const THERMOMETER: u8 = 0x48;
const PAGE: usize = 64;
/// Over the ends of some pages.
const DATA_AT: u32 = 3 * PAGE as u32 - 10;
const DATA_BYTES: usize = 150;
const MEASUREMENTS: usize = 8;

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    machine.set_console(Console::Debugger);
    let uart = machine.open_uart().expect("a UART with an interrupt");
    // All on one core, so that only who parks lets others go on.
    let runtime = Runtime::builder(BareMetal::new()).workers(1).build_local().expect("the core is free");
    runtime.run(|| run(uart)).expect("no coroutine panics");
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

fn run(uart: &'static Uart) {
    let others = spawn("others", || {
        while !IS_OVER.load(Ordering::Relaxed) {
            PROGRESS.fetch_add(1, Ordering::Relaxed);
            yield_now();
        }
    });
    let bridge = Sc18im700::new(uart, Duration::from_secs(5));
    let bus: &'static Shared = Box::leak(Box::new(Bus::new(Watched(bridge))));
    let measuring = spawn("thermometer", move || measure(I2cDevice::new(bus)));
    let storing = spawn("eeprom", move || store(I2cDevice::new(bus)));
    storing.join().expect("it returns");
    let measured = measuring.join().expect("it returns");
    say(format_args!("two drivers have shared the bus: {}", measured == [[0, 172]; MEASUREMENTS]));
    let (all, beside) = (TRANSFERS.load(Ordering::Relaxed), TRANSFERS_BESIDE_PROGRESS.load(Ordering::Relaxed));
    say(format_args!(
        "in {beside} of {all} transfers others went on; they did {} rounds",
        PROGRESS.load(Ordering::Relaxed)
    ));
    // Not in one whose answer is there before it is waited for: an emulator can be held up for as long as the bridge takes.
    say(format_args!("others went on while transfers waited: {}", all > MEASUREMENTS && beside > all / 2));
    IS_OVER.store(true, Ordering::Relaxed);
    others.join().expect("it returns");
}

fn spawn<T: Send + 'static>(name: &'static str, body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().name(name).spawn(body).expect("a stack")
}

fn measure(mut device: Device<'_>) -> Vec<[u8; 2]> {
    let mut measure = |_| {
        let mut bytes = [0; 2];
        device.write_read(THERMOMETER, &[0], &mut bytes).expect("a thermometer");
        sleep(Duration::from_millis(2)).expect("nobody cancels");
        bytes
    };
    (0..MEASUREMENTS).map(&mut measure).collect()
}

fn store(mut device: Device<'_>) {
    let data: [u8; DATA_BYTES] = core::array::from_fn(|index| index as u8 ^ 0xf1);
    let mut storage = Storage::new(Eeprom24x::new_24x256(device.clone(), SlaveAddr::default()), Delay::new());
    storage.write(DATA_AT, &data).expect("an EEPROM");
    let mut read = [0; DATA_BYTES];
    storage.read(DATA_AT, &mut read).expect("an EEPROM that is not busy");
    say(format_args!("what was written was read, over the ends of pages: {}", read == data));

    let (shared, mut delay) = storage.destroy();
    let mut eeprom = Eeprom24x::new_24x256(shared, SlaveAddr::default());
    let mut slow = Eeprom24x::new_24x256(device.clone(), SlaveAddr::Alternative(false, false, true));
    slow.write_byte(0, 1).expect("an EEPROM");
    let busy = matches!(slow.read_byte(0), Err(eeprom24x::Error::I2C(error))
        if error.kind() == ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
    say(format_args!("it is busy after a write, and the driver's error says that nobody acknowledged: {busy}"));

    // The driver refuses such a write, so by hand: at the last byte of page 0.
    device.write(EEPROM, &[0, PAGE as u8 - 1, b'x', b'y']).expect("an EEPROM that is not busy");
    delay.delay_ms(5);
    let wrapped = (eeprom.read_byte(PAGE as u32 - 1), eeprom.read_byte(0), eeprom.read_byte(PAGE as u32));
    let wrapped = matches!(wrapped, (Ok(b'x'), Ok(b'y'), Ok(0xff)));
    say(format_args!("a write over the end of a page goes on at its beginning: {wrapped}"));
}
