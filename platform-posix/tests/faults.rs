// SPDX-License-Identifier: BSD-3-Clause
//! Faults that are no overflow of ours, with our handlers installed: all goes on as without them.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "faults on purpose, installs signal handlers")]

mod child;

use child::{STACK_BYTES, assert_dies, assert_does_not_say, child, is_child, recurse, stderr};
use kcoro_posix::coroutine::{Coroutine, Yielder};
use kcoro_posix::{GuardedStack, report_overflow_here};

fn fault_at_null() {
    // SAFETY: none: it faults, which is the point.
    unsafe { core::ptr::null_mut::<u8>().wrapping_add(64).write_volatile(1) };
}

fn set_action(signal: libc::c_int, handler: libc::sighandler_t, flags: libc::c_int) {
    // SAFETY: all-zero is a valid sigaction; the handlers below are async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(signal, &raw const action, core::ptr::null_mut()), 0);
    }
}

extern "C" fn exit_by_address(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the handler is installed with SA_SIGINFO; `_exit` is async-signal-safe.
    unsafe { libc::_exit((*info).si_addr().addr() as i32) }
}

extern "C" fn exit_42(_: libc::c_int) {
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(42) }
}

#[test]
fn other_faults_on_a_coroutine_stack_reach_the_handler_that_was_there_before() {
    if is_child() {
        set_action(libc::SIGSEGV, exit_by_address as *const () as usize, libc::SA_SIGINFO);
        report_overflow_here().unwrap();
        let stack = GuardedStack::new(STACK_BYTES).unwrap();
        let mut coroutine = Coroutine::new(stack, |_: &Yielder<(), ()>, ()| fault_at_null());
        let _ = coroutine.resume(());
        return;
    }
    let output = child("other_faults_on_a_coroutine_stack_reach_the_handler_that_was_there_before");
    assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
}

#[test]
fn an_overflown_thread_keeps_the_message_of_std() {
    if is_child() {
        report_overflow_here().unwrap();
        let thread = std::thread::Builder::new().name("plain".into()).stack_size(64 << 10).spawn(|| recurse(0));
        return drop(thread.unwrap().join());
    }
    let output = child("an_overflown_thread_keeps_the_message_of_std");
    assert_dies(&output, libc::SIGABRT, &["'plain'", "has overflowed its stack"]);
    assert_does_not_say(&output, "kcoro:");
}

#[test]
fn an_overflown_thread_with_our_signal_stack_keeps_the_message_of_std() {
    if is_child() {
        let body = || {
            report_overflow_here().unwrap();
            recurse(0)
        };
        let thread = std::thread::Builder::new().name("adopted".into()).stack_size(128 << 10).spawn(body);
        return drop(thread.unwrap().join());
    }
    let output = child("an_overflown_thread_with_our_signal_stack_keeps_the_message_of_std");
    assert_dies(&output, libc::SIGABRT, &["'adopted'", "has overflowed its stack"]);
    assert_does_not_say(&output, "kcoro:");
}

#[test]
fn other_faults_reach_the_handler_that_was_there_before() {
    if is_child() {
        set_action(libc::SIGSEGV, exit_by_address as *const () as usize, libc::SA_SIGINFO);
        report_overflow_here().unwrap();
        return fault_at_null();
    }
    let output = child("other_faults_reach_the_handler_that_was_there_before");
    assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
}

#[test]
fn a_handler_without_siginfo_is_reached_as_well() {
    if is_child() {
        set_action(libc::SIGSEGV, exit_42 as *const () as usize, 0);
        report_overflow_here().unwrap();
        return fault_at_null();
    }
    assert_eq!(child("a_handler_without_siginfo_is_reached_as_well").status.code(), Some(42));
}

#[test]
fn other_faults_take_the_default_action_when_there_was_no_handler() {
    if is_child() {
        set_action(libc::SIGSEGV, libc::SIG_DFL, 0);
        report_overflow_here().unwrap();
        return fault_at_null();
    }
    let output = child("other_faults_take_the_default_action_when_there_was_no_handler");
    assert_dies(&output, libc::SIGSEGV, &[]);
    assert_does_not_say(&output, "kcoro:");
}

#[test]
fn a_fault_is_not_ignored_where_the_signal_was() {
    if is_child() {
        set_action(libc::SIGSEGV, libc::SIG_IGN, 0);
        report_overflow_here().unwrap();
        // SAFETY: sends a signal that is ignored.
        unsafe { libc::raise(libc::SIGSEGV) };
        eprintln!("still alive");
        return fault_at_null();
    }
    assert_dies(&child("a_fault_is_not_ignored_where_the_signal_was"), libc::SIGSEGV, &["still alive"]);
}

#[test]
fn a_sent_signal_takes_the_default_action() {
    if is_child() {
        set_action(libc::SIGBUS, libc::SIG_DFL, 0);
        report_overflow_here().unwrap();
        // SAFETY: ends this process.
        unsafe { libc::raise(libc::SIGBUS) };
        return;
    }
    assert_dies(&child("a_sent_signal_takes_the_default_action"), libc::SIGBUS, &[]);
}
