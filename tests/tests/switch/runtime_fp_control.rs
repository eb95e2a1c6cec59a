// SPDX-License-Identifier: BSD-3-Clause
//! Floating-point control under a scheduler: a coroutine that asked keeps its own, all others see the default.
#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#![expect(unsafe_code, reason = "reads and writes the control register")]

use kcoro_posix::channel::rendezvous;
use kcoro_posix::sched::{Builder, JoinError, spawn, yield_now};
use kcoro_posix::time::sleep;
use kcoro_tests::{SHORT, end, runtime};

#[cfg(target_arch = "x86_64")]
mod control {
    pub const ROUND_UP: u64 = 0x1f80 | 2 << 13;
    pub const ROUND_DOWN: u64 = 0x1f80 | 1 << 13;
    /// The flags that arithmetic sets are no control.
    const CONTROL: u64 = !0x3f;

    pub fn read() -> u64 {
        let mut mxcsr = 0u32;
        // SAFETY: stores the register to a local.
        unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack)) };
        u64::from(mxcsr) & CONTROL
    }

    pub fn write(value: u64) {
        let mxcsr = value as u32;
        // SAFETY: a valid value; nothing here computes with floats while it is set.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const mxcsr, options(nostack)) };
    }
}

#[cfg(target_arch = "aarch64")]
mod control {
    pub const ROUND_UP: u64 = 1 << 22;
    pub const ROUND_DOWN: u64 = 2 << 22;

    pub fn read() -> u64 {
        let fpcr;
        // SAFETY: reads a register.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) fpcr, options(nostack, nomem)) };
        fpcr
    }

    pub fn write(value: u64) {
        // SAFETY: a valid value; nothing here computes with floats while it is set.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) value, options(nostack)) };
    }
}

#[test]
fn own_control_survives_every_suspension_and_stays_ones_own() {
    let default = control::read();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let (tx, rx) = rendezvous::<u32>();
        let own = |value: u64| {
            let tx = tx.clone();
            let body = move || {
                assert_eq!(control::read(), default, "everyone starts with the default");
                control::write(value);
                for n in 0..100 {
                    yield_now();
                    assert_eq!(control::read(), value);
                    tx.send(n).unwrap();
                    assert_eq!(control::read(), value);
                }
                sleep(SHORT).unwrap();
                assert_eq!(control::read(), value);
                // It ends as it is: those who come after see the default all the same.
            };
            runtime.builder().own_fp_control().spawn(body).unwrap()
        };
        let plain = move || {
            for _ in 0..200 {
                assert_eq!(control::read(), default);
                yield_now();
                spawn(move || assert_eq!(control::read(), default)).unwrap().join().unwrap();
            }
        };
        let owners = [control::ROUND_UP, control::ROUND_DOWN, control::ROUND_UP].map(own);
        let plain: Vec<_> = (0..3).map(|_| runtime.spawn(plain).unwrap()).collect();
        drop(tx);
        assert_eq!(rx.iter().count(), 300);
        owners.into_iter().for_each(|handle| handle.join().unwrap());
        plain.into_iter().for_each(|handle| handle.join().unwrap());
        end(runtime);
    }
}

#[test]
fn a_panic_with_own_control_leaves_the_default() {
    let default = control::read();
    let runtime = runtime(1);
    runtime
        .run(|| {
            let body = || {
                control::write(control::ROUND_UP);
                std::panic::resume_unwind(Box::new(()));
            };
            let joined: Result<(), JoinError> = Builder::new().own_fp_control().spawn(body).unwrap().join();
            assert!(joined.is_err());
            assert_eq!(control::read(), default);
        })
        .unwrap();
    end(runtime);
}

/// The check panicked in the middle of a suspension: with its node in the channel's queue and its park announced.
#[cfg(debug_assertions)]
#[test]
fn control_that_was_changed_without_asking_is_fatal_at_a_suspension() {
    let test = "runtime_fp_control::control_that_was_changed_without_asking_is_fatal_at_a_suspension";
    let stderr = kcoro_tests::child::aborts(test, || {
        let runtime = runtime(1);
        let _ = runtime.run(|| {
            let (_tx, rx) = rendezvous::<u8>();
            control::write(control::ROUND_UP);
            rx.recv()
        });
    });
    if let Some(stderr) = stderr {
        assert!(stderr.contains("own_fp_control()") && stderr.contains("root"), "{stderr}");
    }
}

#[cfg(kcoro_interleave)]
#[test]
fn a_turn_that_is_lost_inside_of_an_operation_leaves_no_control_behind() {
    kcoro_sim::Sim::new().workers(2).check(0..100, || {
        let default = control::read();
        let (tx, rx) = kcoro_sim::channel::bounded(1);
        let own = kcoro_sim::sched::Builder::new().own_fp_control().worker(0).spawn(move || {
            control::write(control::ROUND_UP);
            for n in 0..5 {
                tx.send(n).unwrap();
                assert_eq!(control::read(), control::ROUND_UP);
            }
        });
        for n in 0..5 {
            assert_eq!(rx.recv(), Ok(n));
            assert_eq!(control::read(), default);
        }
        own.unwrap().join().unwrap();
    });
}
