// SPDX-License-Identifier: BSD-3-Clause
//! Floating-point control words: kept per coroutine that asks, at their default for all others.
#![expect(unsafe_code, reason = "changes the rounding mode; makes stacks without guards")]

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kcoro_core::coroutine::{Builder, Coroutine, CoroutineResult, Yielder};
use kcoro_core::stack::HeapStack;

fn stack() -> HeapStack {
    // SAFETY: the bodies in this file need far less, with the backtrace of a panic too.
    unsafe { HeapStack::new_unguarded(256 * 1024) }.expect("memory for a stack")
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rounding {
    Nearest,
    Down,
    Up,
    TowardZero,
}

const ALL: [Rounding; 4] = [Rounding::Nearest, Rounding::Down, Rounding::Up, Rounding::TowardZero];

/// Sets how this thread rounds.
fn set_rounding(rounding: Rounding) {
    #[cfg(target_arch = "x86_64")]
    {
        let mxcsr = 0x1F80u32 | (rounding as u32) << 13;
        let x87 = 0x037Fu16 | (rounding as u16) << 10;
        // SAFETY: the test asks for the mode and does its arithmetic behind `black_box`.
        unsafe { std::arch::asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &mxcsr, in(reg) &x87, options(nostack)) };
    }
    #[cfg(target_arch = "aarch64")]
    {
        let mode = [0u64, 2, 1, 3][rounding as usize] << 22;
        // SAFETY: as on x86_64.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) mode, options(nostack)) };
    }
    #[cfg(target_arch = "riscv64")]
    {
        let mode = [0usize, 2, 3, 1][rounding as usize];
        // SAFETY: as on x86_64.
        unsafe { std::arch::asm!("fsrm {}", in(reg) mode, options(nostack)) };
    }
}

/// How this thread rounds, by what arithmetic gives.
#[inline(never)]
fn rounding() -> Rounding {
    let sum = |a: f64, b: f64| black_box(black_box(a) + black_box(b));
    let tiny = f64::EPSILON / 8.0;
    match (sum(1.0, tiny) > 1.0, sum(-1.0, -tiny) < -1.0, sum(1.0, -tiny) < 1.0) {
        (false, false, false) => Rounding::Nearest,
        (false, true, _) => Rounding::Down,
        (true, false, _) => Rounding::Up,
        (false, false, true) => Rounding::TowardZero,
        (true, true, _) => panic!("rounds away from zero"),
    }
}

#[test]
fn each_coroutine_keeps_its_own_rounding_and_others_see_the_default() {
    let mut coroutines: Vec<_> = (0..16)
        .map(|n| {
            let body = move |yielder: &Yielder<(), usize>, ()| {
                assert_eq!(rounding(), Rounding::Nearest, "a coroutine starts with the default");
                for turn in 0.. {
                    let own = ALL[(n + turn / 3) % ALL.len()];
                    set_rounding(own);
                    yielder.suspend(turn);
                    assert_eq!(rounding(), own, "coroutine {n} lost its rounding mode");
                }
            };
            Builder::new().own_fp_control().build(stack(), body).expect("a large stack")
        })
        .collect();
    let mut plain = Coroutine::new(stack(), |yielder: &Yielder<(), Rounding>, ()| -> () {
        loop {
            yielder.suspend(rounding());
        }
    });
    for turn in 0..100 {
        for coroutine in &mut coroutines {
            assert_eq!(coroutine.resume(()), CoroutineResult::Yield(turn));
            assert_eq!(rounding(), Rounding::Nearest, "the resumer sees the default");
            assert_eq!(plain.resume(()), CoroutineResult::Yield(Rounding::Nearest));
        }
    }
}

#[test]
fn the_default_is_back_after_a_return_a_panic_and_a_drop() {
    let own =
        |body: fn(&Yielder<(), ()>, ())| Builder::new().own_fp_control().build(stack(), body).expect("a large stack");
    own(|_, ()| set_rounding(Rounding::Up)).resume(());
    assert_eq!(rounding(), Rounding::Nearest);

    let mut panics = own(|_, ()| {
        set_rounding(Rounding::Up);
        panic!("on purpose");
    });
    assert!(catch_unwind(AssertUnwindSafe(|| panics.resume(()))).is_err());
    assert_eq!(rounding(), Rounding::Nearest);

    let mut suspended = own(|yielder, ()| {
        struct SeesOwn;
        impl Drop for SeesOwn {
            fn drop(&mut self) {
                assert_eq!(rounding(), Rounding::Down);
            }
        }
        let _sees_own = SeesOwn;
        set_rounding(Rounding::Down);
        yielder.suspend(());
    });
    suspended.resume(());
    drop(suspended);
    assert_eq!(rounding(), Rounding::Nearest);
}

#[cfg(debug_assertions)]
#[test]
fn debug_builds_name_a_suspension_with_other_control_words() {
    let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), ()>, ()| {
        set_rounding(Rounding::Up);
        yielder.suspend(());
    });
    let payload = catch_unwind(AssertUnwindSafe(|| coroutine.resume(()))).expect_err("panics");
    let message = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    assert!(message.is_some_and(|message| message.contains("own_fp_control")), "{message:?}");
    assert_eq!(rounding(), Rounding::Nearest);
}
