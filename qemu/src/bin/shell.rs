// SPDX-License-Identifier: BSD-3-Clause
//! A shell at the UART: it takes commands while other coroutines work. Its test types them; so may you.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;

use embedded_io::{Read, Write};
use kcoro_baremetal_aarch64::sched::{Builder, Runtime, spawn, yield_now};
use kcoro_baremetal_aarch64::time::sleep;
use kcoro_baremetal_aarch64::{BareMetal, ExitCode, LineError, Machine, Uart, UartError, entry, say};

entry!(main);

/// What the coroutines that work have done.
static WORKED: AtomicUsize = AtomicUsize::new(0);

const HELP: &str = "commands: help, echo TEXT, work, flood N, spawn N, sleep MS, stats, quit";

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 16 << 20);
    let runtime = Runtime::builder(BareMetal::new()).workers(machine.cores()).build_local().expect("a core for each");
    let uart = machine.open_uart().expect("a UART with an interrupt");
    let ended = runtime.run(|| {
        let working = |core| Builder::new().worker(core).spawn(work).expect("a stack");
        let working: Vec<_> = (0..machine.cores()).map(working).collect();
        let ended = shell(uart, machine);
        working.iter().for_each(|handle| handle.cancel());
        ended
    });
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    match ended.expect("no coroutine panics") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("the UART failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Computes, and lets others run; now and then it sleeps, so that the core does, too.
fn work() {
    loop {
        for _ in 0..100 {
            WORKED.fetch_add(1, Ordering::Relaxed);
            yield_now();
        }
        if sleep(Duration::from_micros(500)).is_err() {
            return;
        }
    }
}

fn shell(mut uart: &Uart, machine: &'static Machine) -> Result<(), UartError> {
    loop {
        uart.write_all(b"> ")?;
        let line = match read_line(uart) {
            Err(UartError::Line(error)) => {
                answer(
                    uart,
                    format_args!("on the line: {error}{}", if error == LineError::Break { " (break)" } else { "" }),
                )?;
                continue;
            }
            line => line?,
        };
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match command {
            "" => {}
            "help" => answer(uart, format_args!("{HELP}"))?,
            "echo" => answer(uart, format_args!("{rest}"))?,
            "work" => watch_work(uart)?,
            "flood" => flood(uart, rest.parse().unwrap_or(0))?,
            "spawn" => spawn_some(uart, rest.parse().unwrap_or(0))?,
            "sleep" => sleep_beside(uart, rest.parse().unwrap_or(0))?,
            "stats" => stats(uart, machine)?,
            "quit" => {
                answer(uart, format_args!("goodbye"))?;
                return uart.flush();
            }
            other => answer(uart, format_args!("{other}: no such command; {HELP}"))?,
        }
    }
}

fn answer(mut uart: &Uart, text: core::fmt::Arguments<'_>) -> Result<(), UartError> {
    let text = alloc::format!("{text}\n");
    uart.write_all(text.as_bytes())
}

/// A line without its end. Of one that is very long the beginning.
fn read_line(mut uart: &Uart) -> Result<String, UartError> {
    const MOST: usize = 1024;
    let (mut line, mut byte) = (String::new(), [0]);
    loop {
        uart.read(&mut byte)?;
        match byte[0] {
            b'\n' | b'\r' => return Ok(line),
            byte if line.len() < MOST => line.push(char::from(byte)),
            _ => {}
        }
    }
}

/// Whether others work while nothing is typed.
fn watch_work(uart: &Uart) -> Result<(), UartError> {
    let before = WORKED.load(Ordering::Relaxed);
    while WORKED.load(Ordering::Relaxed) < before + 1000 {
        // Not by looking all the time: the shell is one of many.
        sleep(Duration::from_millis(1)).map_err(|_| UartError::Cancelled)?;
    }
    answer(uart, format_args!("others have done 1000 pieces of work meanwhile"))
}

/// More than rings and FIFO hold: the writer waits for the line.
fn flood(mut uart: &Uart, lines: usize) -> Result<(), UartError> {
    for line in 0..lines {
        answer(uart, format_args!("line {line} of a flood that does not fit into what is kept for a slow line"))?;
    }
    uart.flush()?;
    answer(uart, format_args!("{lines} lines have gone out"))
}

fn spawn_some(uart: &Uart, count: usize) -> Result<(), UartError> {
    let spawned: Vec<_> = (0..count).map_while(|n| spawn(move || n).ok()).collect();
    let sum: usize = spawned.into_iter().filter_map(|handle| handle.join().ok()).sum();
    answer(uart, format_args!("{count} coroutines have returned, with {sum} in all"))
}

/// A sleeper that writes when it wakes, while the shell takes commands.
fn sleep_beside(uart: &Uart, ms: u64) -> Result<(), UartError> {
    let sleeper = spawn(move || {
        let _ = sleep(Duration::from_millis(ms));
        say(format_args!("a sleeper has slept {ms} ms"));
    });
    match sleeper {
        Ok(_) => answer(uart, format_args!("a coroutine sleeps")),
        Err(error) => answer(uart, format_args!("no coroutine: {error}")),
    }
}

fn stats(uart: &Uart, machine: &Machine) -> Result<(), UartError> {
    for core in 0..machine.cores() {
        let counts = machine.counts(core);
        answer(uart, format_args!("core {core}: {} sleeps, {} ended by timers", counts.sleeps, counts.timer))?;
    }
    answer(uart, format_args!("{} pieces of work", WORKED.load(Ordering::Relaxed)))
}
