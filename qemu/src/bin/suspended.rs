// SPDX-License-Identifier: BSD-3-Clause
//! A bus in a critical section, and a driver on it that parks: the program ends, and says who it was.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::sync::atomic::{AtomicUsize, Ordering};

use critical_section::Mutex;
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, Operation};
use embedded_hal_bus::i2c::CriticalSectionDevice;
use kcoro_baremetal_aarch64::hal::Delay;
use kcoro_baremetal_aarch64::sched::{Builder, JoinHandle, Runtime};
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, Machine, current_core, entry, say};

entry!(main);

/// A device that takes its time.
struct Slow(u32);

impl ErrorType for Slow {
    type Error = ErrorKind;
}

impl I2c for Slow {
    fn transaction(&mut self, _: u8, _: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        Delay::new().delay_us(self.0);
        Ok(())
    }
}

const ROUNDS: usize = 500;

/// Counted up in two steps, which nobody may get between.
static COUNTED: Mutex<RefCell<usize>> = Mutex::new(RefCell::new(0));
static CORES: AtomicUsize = AtomicUsize::new(0);

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    let cores = machine.cores();
    let runtime = Runtime::builder(BareMetal::new()).workers(cores).build_local().expect("a core for each worker");
    runtime
        .run(|| {
            let count_on = |core| Builder::new().worker(core).spawn(count).expect("a stack");
            let counting: alloc::vec::Vec<JoinHandle<()>> = (0..cores).map(count_on).collect();
            counting.into_iter().for_each(|handle| handle.join().expect("it returns"));
            let counted = critical_section::with(|section| *COUNTED.borrow_ref(section));
            let all = CORES.load(Ordering::Relaxed).count_ones() as usize == cores;
            say(format_args!(
                "on each core {ROUNDS} rounds, and none got lost: {}",
                all && counted == 2 * ROUNDS * cores
            ));

            let bus = Mutex::new(RefCell::new(Slow(10)));
            let quick = CriticalSectionDevice::new(&bus).write(0x40, &[1]);
            say(format_args!(
                "what is over before it is worth parking may be in a critical section: {}",
                quick.is_ok()
            ));
            let body = || {
                let bus = Mutex::new(RefCell::new(Slow(5_000)));
                CriticalSectionDevice::new(&bus).write(0x40, &[1]).is_ok()
            };
            let written = Builder::new().name("thermometer").spawn(body).expect("a stack").join();
            say(format_args!("it has suspended in a critical section: {written:?}"));
        })
        .expect("no coroutine panics");
    ExitCode::SUCCESS
}

extern crate alloc;

fn count() {
    CORES.fetch_or(1 << current_core(), Ordering::Relaxed);
    for _ in 0..ROUNDS {
        critical_section::with(|section| {
            let before = *COUNTED.borrow_ref(section);
            // A section in the section lets nobody in when it ends.
            critical_section::with(|section| *COUNTED.borrow_ref_mut(section) += 1);
            core::hint::spin_loop();
            *COUNTED.borrow_ref_mut(section) = before + 2;
        });
    }
}
