// SPDX-License-Identifier: BSD-3-Clause
//! A small plant, watched and steered without an allocator: all that the core's documentation lists under "Without an
//! allocator" is used here, on all cores of the machine.
//!
//! Three sensors measure at intervals and send. A filter with a generator's reference values takes what they send and keeps
//! books under a lock. A controller waits for an alarm, for its tick or for the end, whichever comes first. At the end
//! everything is told by one token, and joined.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "vouches for how deep the slots' coroutines call")]

use core::time::Duration;

use kcoro_baremetal_aarch64::cancel::{Cause, StaticToken, shield};
use kcoro_baremetal_aarch64::channel::StaticChannel;
use kcoro_baremetal_aarch64::coroutine::Generator;
use kcoro_baremetal_aarch64::sched::{
    Builder, Slot, Slots, SpawnError, StaticRuntime, spawn_static, yield_now, yield_to,
};
use kcoro_baremetal_aarch64::select;
use kcoro_baremetal_aarch64::stack::StaticStack;
use kcoro_baremetal_aarch64::sync::{Barrier, Condvar, Event, Mutex, OnceCell, RwLock, Semaphore, WaitGroup};
use kcoro_baremetal_aarch64::time::{Instant, interval, sleep, sleep_until, timeout};
use kcoro_baremetal_aarch64::wait::block_on;
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, Machine, entry, say};

entry!(main);

const SENSORS: usize = 3;
const SAMPLES: u32 = 20;
const STACK: usize = 16 * 1024;

static PLATFORM: BareMetal = BareMetal::new();
static RUNTIME: StaticRuntime<4> = StaticRuntime::new();

// SAFETY: what runs in them formats one line at most, with room to spare; and so below.
static ROOT: Slot<{ 2 * STACK }> = unsafe { Slot::new_unguarded() };
// SAFETY: as above.
static SENSOR_SLOTS: Slots<SENSORS, STACK> = unsafe { Slots::new_unguarded() };
// SAFETY: as above.
static FILTER: Slot<STACK> = unsafe { Slot::new_unguarded() };
// SAFETY: as above.
static CONTROLLER: Slot<STACK> = unsafe { Slot::new_unguarded() };
// SAFETY: as above.
static HELPERS: Slots<3, STACK> = unsafe { Slots::new_unguarded() };

static READINGS: StaticChannel<u32, 4> = StaticChannel::new();
static ALARMS: StaticChannel<u32, 1> = StaticChannel::new();

/// The plant stops; so does the motor, which may stop alone.
static PLANT: StaticToken = StaticToken::new();
static MOTOR: StaticToken = StaticToken::child_of(&PLANT);

static LIMITS: OnceCell<u32> = OnceCell::new();
static SETPOINT: RwLock<u32> = RwLock::new(5);
static BOOKS: Mutex<Books> = Mutex::new(Books { count: 0, sum: 0 });
static BOOKED: Condvar = Condvar::new();
static BUS: Semaphore = Semaphore::new(1);
static READY: Barrier = Barrier::new(SENSORS + 1);
static GONE: WaitGroup = WaitGroup::new();
static POWERED: Event = Event::new();
static ALARMED: Event = Event::new();

struct Books {
    count: u32,
    sum: u32,
}

fn main(machine: &'static Machine) -> ExitCode {
    let runtime = RUNTIME.build_local(&PLATFORM).expect("it is built once, and cores are free");
    let memory = machine.take_memory(STACK).expect("RAM for a generator");
    // SAFETY: a generator of squares calls nothing.
    let squares = Generator::new(unsafe { StaticStack::new_unguarded(memory) }, |squares| {
        (1..=SAMPLES).for_each(|n| squares.suspend(n * n));
    });
    runtime.run_static(&ROOT, || run(squares)).expect("the root has a slot");
    let stats = runtime.handle().stats();
    say(format_args!("every coroutine that was spawned has ended: {}", stats.spawned == stats.ended));
    let report = runtime.shutdown(Duration::from_secs(1));
    say(format_args!("nothing is left behind: {report}"));
    ExitCode::SUCCESS
}

fn run(squares: Generator<u32, StaticStack>) {
    let reference: u32 = squares.sum();
    say(format_args!("the generator's reference is {reference}"));

    let sensors = [0_u32, 1, 2].map(|sensor| SENSOR_SLOTS.try_spawn(move || measure(sensor)).expect("a free slot"));
    let refused = SENSOR_SLOTS.try_spawn(|| ()).expect_err("all slots are in use");
    say(format_args!("a fourth sensor is refused: {}", refused == SpawnError::Full { limit: SENSORS }));
    let filter = Builder::new().name("filter").spawn_static(&FILTER, filter).expect("a free slot");
    let controller = spawn_static(&CONTROLLER, control).expect("a free slot");
    say(format_args!("a slot is one coroutine's: {:?}", spawn_static(&CONTROLLER, || ()).err()));

    GONE.add(SENSORS);
    LIMITS.set(SAMPLES * SAMPLES - 1).expect("nobody has set it");
    POWERED.set();
    READY.wait().expect("nobody cancels");
    let mut books = BOOKS.lock().expect("a coroutine can wait");
    while books.count < SAMPLES * SENSORS as u32 {
        books = BOOKED.wait(books).unwrap_or_else(|_| unreachable!("a coroutine can wait"));
    }
    say(format_args!("{} readings came to {}", books.count, books.sum));
    say(format_args!("which is the reference of each sensor: {}", books.sum == reference * SENSORS as u32));
    drop(books);

    sensors.into_iter().for_each(|sensor| sensor.join().expect("it returns"));
    GONE.wait().expect("a coroutine can wait");
    ALARMED.wait().expect("a coroutine can wait");
    PLANT.token().cancel_with("the shift is over");
    READINGS.close();
    say(format_args!("the filter has booked {:?} readings", filter.join().ok()));
    say(format_args!("the controller was {}", controller.join().expect("it returns")));
    // A coroutine that has been joined may have its last switch before it, on another core.
    while SENSOR_SLOTS.free() < SENSORS {
        yield_now();
    }
    say(format_args!("all slots of sensors are free again"));
    times();
    hand_over();
}

/// A sensor, which measures the squares in its time.
fn measure(sensor: u32) {
    READY.wait().expect("nobody cancels");
    POWERED.wait().expect("nobody cancels");
    let mut ticks = interval(Duration::from_micros(200 + 50 * u64::from(sensor))).expect("a time that passes");
    for n in 1..=SAMPLES {
        ticks.tick().expect("nobody cancels");
        let on_the_bus = BUS.acquire(1).expect("it stays open");
        let value = n * n;
        drop(on_the_bus);
        READINGS.send(value).expect("the filter receives");
    }
    GONE.done();
}

/// Books what comes, and says when it is too much.
fn filter() -> u32 {
    let limit = *LIMITS.wait().expect("a coroutine can wait");
    let mut booked = 0;
    for value in READINGS.iter() {
        let mut books = BOOKS.lock().expect("a coroutine can wait");
        books.count += 1;
        books.sum += value;
        booked += 1;
        if value > limit {
            let _ = ALARMS.try_send(value);
        }
        drop(books);
        BOOKED.notify_one();
    }
    booked
}

/// Steers until the plant stops.
fn control() -> &'static str {
    let (plant, motor) = (PLANT.token(), MOTOR.token());
    let mut alarms = 0;
    loop {
        select! {
            recv(&ALARMS) -> alarm => {
                alarms += u32::from(alarm.is_ok());
                *SETPOINT.write().expect("a coroutine can wait") += 1;
                ALARMED.set();
            },
            cancelled(plant) -> _why => break,
            after(Duration::from_micros(500)) => yield_now(),
        }
    }
    // The motor's code obeys the token, and has been stopped with the plant.
    let stopped = motor.run(|| sleep(Duration::from_secs(3600)).is_err());
    let finished = motor.run(|| shield(|| sleep(Duration::from_micros(10)).is_ok()));
    let setpoint = *SETPOINT.read().expect("a coroutine can wait");
    let told = motor.cause() == Some(Cause::Message("the shift is over"));
    match stopped && finished && told && alarms > 0 && setpoint == 5 + alarms {
        true => "told, and has steered",
        false => "left in the dark",
    }
}

/// Limits, deadlines, and a future.
fn times() {
    let begun = Instant::now().expect("a coroutine has a clock");
    while ALARMS.try_recv().is_ok() {}
    let late = timeout(Duration::from_millis(2), || ALARMS.recv());
    say(format_args!("what never comes is not waited for: {}", late.is_err()));
    sleep_until(begun.saturating_add(Duration::from_millis(5))).expect("nobody cancels");
    let waited = Instant::now().expect("as above").duration_since(begun).expect("the same clock");
    say(format_args!("nobody was early: {}", waited >= Duration::from_millis(5)));
    let sent = ALARMS.try_send(7).is_ok();
    let received = block_on(async { ALARMS.recv_async().await });
    say(format_args!("a future receives {:?}: {sent}", received.ok().and_then(Result::ok)));
}

/// One coroutine names the next, and one is not wanted any more.
fn hand_over() {
    let helper = Builder::new().near().spawn_static(&HELPERS, || {
        let mut other = HELPERS.try_spawn(|| 3).expect("a free slot");
        select! {
            join(other) -> three => three.unwrap_or(0),
            default(Duration::from_secs(60)) => 0,
        }
    });
    let mut helper = helper.expect("a free slot");
    let went = yield_to(&helper);
    say(format_args!("a helper's helper returned {:?}: {went}", helper.join_timeout(Duration::from_secs(60)).ok()));
    drop(helper);
    let idle = HELPERS.try_spawn(|| sleep(Duration::from_secs(3600)).is_ok()).expect("a free slot");
    yield_now();
    idle.cancel();
    say(format_args!("who is cancelled does not sleep on: {}", idle.join().ok() != Some(true)));
}
