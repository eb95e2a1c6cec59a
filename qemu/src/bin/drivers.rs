// SPDX-License-Identifier: BSD-3-Clause
//! What drivers are made of: delays that park or spin, futures that an interrupt wakes, logs from handlers.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::{Poll, Waker};
use core::time::Duration;

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::ErrorType;
use embedded_hal_async::digital::Wait;
use embedded_io::Write;
use kcoro_baremetal_aarch64::hal::{Blocking, Delay};
use kcoro_baremetal_aarch64::sched::{Builder, Runtime, yield_now};
use kcoro_baremetal_aarch64::sync::Event;
use kcoro_baremetal_aarch64::time::{Instant, sleep};
use kcoro_baremetal_aarch64::{
    AttachError, BareMetal, Doorbell, ExitCode, Machine, Trigger, Uart, UartError, current_core, drain_log, entry, log,
    say,
};

entry!(main);

const BELL: Doorbell = Doorbell::new(3);
const RINGS: usize = 100;

static RUNG: AtomicUsize = AtomicUsize::new(0);
static OTHERS: AtomicUsize = AtomicUsize::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 8 << 20);
    let uart = machine.open_uart().expect("a UART with an interrupt");
    let again = (machine.open_uart().err(), machine.attach(1019, Trigger::Edge, |_| {}));
    let refused = matches!(again, (Some(AttachError::Taken(_)), Err(AttachError::NoSuchInterrupt(1019))));
    say(format_args!("a handler that cannot be is refused: {refused}"));
    let runtime = Runtime::builder(BareMetal::new()).workers(1).build_local().expect("the core is free");
    runtime
        .run(|| {
            let logs = Builder::new().name("log").spawn(move || drain_log(Watched(uart))).expect("a stack");
            let others = Builder::new().name("others").spawn(others).expect("a stack");
            delays();
            futures(machine);
            logs_in_time();
            IS_OVER.store(true, Ordering::Relaxed);
            others.join().expect("it returns");
            logs.cancel();
            logs.join().expect("it returns").expect("a UART does not fail");
        })
        .expect("no coroutine panics");
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

fn others() {
    while !IS_OVER.load(Ordering::Relaxed) {
        OTHERS.fetch_add(1, Ordering::Relaxed);
        yield_now();
    }
}

/// What `body` takes, and how often others ran meanwhile.
fn beside(body: impl FnOnce()) -> (Duration, usize) {
    let (before, begun) = (OTHERS.load(Ordering::Relaxed), Instant::now().expect("a coroutine has a clock"));
    body();
    let took = Instant::now().expect("as above").duration_since(begun).expect("the same clock");
    (took, OTHERS.load(Ordering::Relaxed) - before)
}

fn delays() {
    let mut delay = Delay::new();
    // Lets the others start.
    delay.delay_ms(1);
    let (took, rounds) = beside(|| delay.delay_us(10));
    say(format_args!("a short delay spins: {}", rounds == 0 && took >= Duration::from_micros(10)));
    let (took, rounds) = beside(|| delay.delay_ms(3));
    say(format_args!("a long one parks: {}", rounds > 0 && took >= Duration::from_millis(3)));
    let (took, _) = beside(|| (0..100).for_each(|_| sleep(Duration::from_nanos(1)).expect("nobody cancels")));
    say(format_args!("to park and come back takes {} ns here", took.as_nanos() / 100));
}

/// A pin whose change the doorbell stands for.
struct Pin;

static WAKER: critical_section::Mutex<core::cell::RefCell<Option<Waker>>> =
    critical_section::Mutex::new(core::cell::RefCell::new(None));

impl ErrorType for Pin {
    type Error = Infallible;
}

impl Wait for Pin {
    async fn wait_for_any_edge(&mut self) -> Result<(), Infallible> {
        let before = RUNG.load(Ordering::Relaxed);
        poll_fn(|context| {
            critical_section::with(|section| *WAKER.borrow_ref_mut(section) = Some(context.waker().clone()));
            if RUNG.load(Ordering::Relaxed) > before { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        Ok(())
    }

    async fn wait_for_high(&mut self) -> Result<(), Infallible> {
        self.wait_for_any_edge().await
    }

    async fn wait_for_low(&mut self) -> Result<(), Infallible> {
        self.wait_for_any_edge().await
    }

    async fn wait_for_rising_edge(&mut self) -> Result<(), Infallible> {
        self.wait_for_any_edge().await
    }

    async fn wait_for_falling_edge(&mut self) -> Result<(), Infallible> {
        self.wait_for_any_edge().await
    }
}

fn on_bell() {
    let number = RUNG.fetch_add(1, Ordering::Relaxed);
    log(format_args!("bell {number}"));
    // Waked by reference: the last reference to a coroutine must not be dropped here.
    critical_section::with(|section| WAKER.borrow_ref(section).iter().for_each(Waker::wake_by_ref));
}

/// A coroutine waits for a pin by a driver that is written for async code, while another rings the bell.
fn futures(machine: &'static Machine) {
    BELL.set_handler(on_bell);
    let waiting = Builder::new().name("pin").spawn(|| {
        let mut pin = Blocking(Pin);
        let mut edges = 0;
        while RUNG.load(Ordering::Relaxed) < RINGS {
            pin.wait_for_any_edge().expect("nobody cancels");
            edges += 1;
        }
        edges
    });
    let mut waiting = waiting.expect("a stack");
    for _ in 0..RINGS {
        sleep(Duration::from_micros(50)).expect("nobody cancels");
        machine.ring(current_core(), BELL);
    }
    let edges = waiting.join_timeout(Duration::from_secs(5)).expect("each edge wakes it");
    say(format_args!("an interrupt has woken a future in a coroutine: {}", (1..=RINGS).contains(&edges)));
}

/// More at once than there is room for, and then one that has to come out at the end.
fn logs_in_time() {
    (0..500).for_each(|number| log(format_args!("line {number} of too many")));
    until_written(&DROPPED_IS_WRITTEN);
    log(format_args!("{LAST}"));
    until_written(&LAST_IS_WRITTEN);
}

const LAST: &str = "the last of the log";
static DROPPED_IS_WRITTEN: Event = Event::new();
static LAST_IS_WRITTEN: Event = Event::new();

fn until_written(event: &Event) {
    event.wait_timeout(Duration::from_secs(5)).expect("it is written at once");
}

/// The UART, and what has been written to it.
struct Watched(&'static Uart);

impl embedded_io::ErrorType for Watched {
    type Error = UartError;
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, UartError> {
        self.0.write_all(bytes)?;
        if bytes.ends_with(b" lines found no room\n") {
            DROPPED_IS_WRITTEN.set();
        } else if bytes == LAST.as_bytes() {
            LAST_IS_WRITTEN.set();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), UartError> {
        self.0.flush()
    }
}
