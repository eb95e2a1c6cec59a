// SPDX-License-Identifier: BSD-3-Clause
//! An overflown stack ends the process with a message that names it.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "overflows stacks and runs threads on them")]

mod child;

use std::hint::black_box;

use child::{STACK_BYTES, assert_dies, assert_does_not_say, child, is_child, recurse, stderr};
use kcoro_posix::coroutine::{Coroutine, Yielder};
use kcoro_posix::platform::{Platform, WorkerEntry, WorkerSpec};
use kcoro_posix::sched::{Builder, Runtime};
use kcoro_posix::stack::{RawStack, Stack};
use kcoro_posix::{GuardPolicy, GuardedStack, OverflowReport, Posix, report_overflow_here};

/// Runs `body` on a thread whose stack is `limit..top`.
fn on_stack(limit: *mut u8, top: *mut u8, body: extern "C" fn(*mut libc::c_void) -> *mut libc::c_void) {
    // pthread wants whole pages; the colouring above the last one stays unused.
    let size_bytes = (top.addr() - limit.addr()) & !4095;
    // SAFETY: the memory is the caller's and outlives the thread, which is joined.
    unsafe {
        let mut attributes: libc::pthread_attr_t = core::mem::zeroed();
        assert_eq!(libc::pthread_attr_init(&raw mut attributes), 0);
        assert_eq!(libc::pthread_attr_setstack(&raw mut attributes, limit.cast(), size_bytes), 0);
        let mut thread = core::mem::zeroed();
        assert_eq!(libc::pthread_create(&raw mut thread, &raw const attributes, body, core::ptr::null_mut()), 0);
        libc::pthread_join(thread, core::ptr::null_mut());
    }
}

extern "C" fn overflow_reported(_: *mut libc::c_void) -> *mut libc::c_void {
    report_overflow_here().unwrap();
    black_box(recurse(0));
    core::ptr::null_mut()
}

extern "C" fn overflow_after_setup(_: *mut libc::c_void) -> *mut libc::c_void {
    black_box(recurse(0));
    core::ptr::null_mut()
}

fn overflow_a_coroutine() {
    let stack = GuardedStack::new(STACK_BYTES).unwrap();
    let mut coroutine = Coroutine::new(stack, |_: &Yielder<(), ()>, ()| recurse(0));
    let _ = coroutine.resume(());
}

#[test]
fn an_overflown_standalone_stack_is_reported_and_aborts() {
    if is_child() {
        let stack = GuardedStack::new(STACK_BYTES).unwrap();
        return on_stack(stack.limit().as_ptr(), stack.top().as_ptr(), overflow_reported);
    }
    let output = child("an_overflown_standalone_stack_is_reported_and_aborts");
    assert_dies(&output, libc::SIGABRT, &["kcoro: a coroutine stack has overflowed", "in the guard below the stack"]);
}

#[test]
fn an_overflown_coroutine_is_reported_and_aborts() {
    if is_child() {
        report_overflow_here().unwrap();
        return overflow_a_coroutine();
    }
    let output = child("an_overflown_coroutine_is_reported_and_aborts");
    assert_dies(&output, libc::SIGABRT, &["kcoro: a coroutine stack has overflowed", "in the guard below the stack"]);
}

#[test]
fn an_overflown_coroutine_of_a_runtime_is_named() {
    if is_child() {
        let runtime = Runtime::builder(Posix::new()).workers(1).build().unwrap();
        let ran = runtime.run(|| {
            println!("spawned at {}:{}", file!(), line!() + 1);
            drop(Builder::new().name("deep").stack_size(64 << 10).spawn(|| recurse(0)).unwrap().join());
        });
        return ran.unwrap();
    }
    let output = child("an_overflown_coroutine_of_a_runtime_is_named");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let site = stdout.lines().find_map(|line| line.find("spawned at ").map(|at| &line[at..])).unwrap();
    assert_dies(
        &output,
        libc::SIGABRT,
        &["kcoro: coroutine 'deep' (id ", site, "has overflowed its stack", "kcoro: the stack has "],
    );
}

fn first_stack(posix: &Posix) -> RawStack {
    let mut out = [None];
    posix.allocate_stacks(STACK_BYTES, &mut out).unwrap();
    out[0].take().unwrap()
}

#[test]
fn a_protected_guard_is_reported_as_well() {
    if is_child() {
        let posix = Posix::builder().guard(GuardPolicy::Mprotect).build();
        let stack = first_stack(&posix);
        return on_stack(stack.limit().as_ptr(), stack.top().as_ptr(), overflow_reported);
    }
    let output = child("a_protected_guard_is_reported_as_well");
    assert_dies(&output, libc::SIGABRT, &["kcoro: a coroutine stack has overflowed"]);
}

/// Runs `body` on a worker of `posix` and waits for it.
fn on_worker(posix: &Posix, body: fn()) {
    unsafe fn run(data: *const ()) {
        // SAFETY: the entry below was made with a pointer to a function pointer that outlives the worker.
        unsafe { data.cast::<fn()>().read()() }
    }
    // SAFETY: a function pointer may be called on any thread, and the worker is joined below.
    let entry = unsafe { WorkerEntry::new(run, core::ptr::from_ref(&body).cast()) };
    posix.start_worker(&WorkerSpec::new(0, "worker"), entry).unwrap();
    posix.join_worker(0);
}

#[test]
fn workers_report_without_being_told_to() {
    if is_child() {
        return on_worker(&Posix::new(), overflow_a_coroutine);
    }
    assert_dies(&child("workers_report_without_being_told_to"), libc::SIGABRT, &["kcoro: a coroutine stack"]);
}

fn signal_stack() -> libc::stack_t {
    // SAFETY: all-zero is a valid value to write over; the call only asks.
    unsafe {
        let mut current: libc::stack_t = core::mem::zeroed();
        assert_eq!(libc::sigaltstack(core::ptr::null(), &raw mut current), 0);
        current
    }
}

/// The one that std gives its threads has room for std's own handler only.
#[test]
fn workers_and_adopted_threads_have_a_large_signal_stack() {
    fn check() {
        let current = signal_stack();
        assert_eq!(current.ss_flags, 0);
        assert!(current.ss_size >= 56 << 10, "{} bytes", current.ss_size);
        println!("checked");
    }
    if is_child() {
        let posix = Posix::new();
        on_worker(&posix, check);
        posix.adopt_worker(1).unwrap();
        let first = signal_stack();
        posix.adopt_worker(1).unwrap();
        assert_eq!(signal_stack().ss_sp, first.ss_sp, "adopting again must not use up another one");
        return check();
    }
    let output = child("workers_and_adopted_threads_have_a_large_signal_stack");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches("checked").count(), 2);
}

#[test]
fn nothing_is_installed_when_reports_are_off() {
    if is_child() {
        return on_worker(&Posix::builder().report_overflow(OverflowReport::Off).build(), overflow_a_coroutine);
    }
    let output = child("nothing_is_installed_when_reports_are_off");
    assert_dies(&output, libc::SIGSEGV, &[]);
    assert_does_not_say(&output, "kcoro:");
}

#[test]
fn without_a_signal_stack_the_process_still_dies() {
    if is_child() {
        report_overflow_here().unwrap();
        let stack = GuardedStack::new(STACK_BYTES).unwrap();
        return on_stack(stack.limit().as_ptr(), stack.top().as_ptr(), overflow_after_setup);
    }
    assert_dies(&child("without_a_signal_stack_the_process_still_dies"), libc::SIGSEGV, &[]);
}

#[test]
fn a_broken_canary_names_the_stack_and_aborts() {
    if is_child() {
        let posix = Posix::builder().guard(GuardPolicy::Canary).build();
        let stack = first_stack(&posix);
        // SAFETY: below the stack is its canary; overwriting it is what an overflow does.
        unsafe {
            stack.limit().sub(8).write_volatile(1);
            posix.free_stack(stack);
        }
        return;
    }
    let says = ["kcoro: a coroutine stack has overflowed", "the canary below it is broken"];
    assert_dies(&child("a_broken_canary_names_the_stack_and_aborts"), libc::SIGABRT, &says);
}

#[test]
fn no_address_space_is_a_typed_error() {
    if is_child() {
        let posix = Posix::new();
        let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
        // SAFETY: limits this process only.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
        let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping. Emulators do not keep the limit: then there is nothing to see.
        if unsafe { libc::mmap(core::ptr::null_mut(), 1 << 30, 0, anonymous, -1, 0) } != libc::MAP_FAILED {
            return;
        }
        let refused = posix.allocate_stacks(1 << 30, &mut [None]);
        let expected = Err(kcoro_posix::stack::StackError::OutOfMemory { os_code: libc::ENOMEM });
        // SAFETY: ends this process, which can hardly do anything else any more.
        unsafe { libc::_exit(if refused == expected { 0 } else { 1 }) }
    }
    assert_eq!(child("no_address_space_is_a_typed_error").status.code(), Some(0));
}
