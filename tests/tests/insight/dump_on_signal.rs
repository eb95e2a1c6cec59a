// SPDX-License-Identifier: BSD-3-Clause
//! A dump on a signal: asked for, it is written and the process lives; handlers that were there before are still called.
#![expect(unsafe_code, reason = "sends signals, and installs handlers by raw system calls")]

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use kcoro_posix::channel::rendezvous;
use kcoro_posix::sched::CoroutineState;
use kcoro_posix::{DumpSignal, dump_on_signal};
use kcoro_tests::child::{in_child, passes};
use kcoro_tests::{Hog, end, runtime};

/// Passes each dump on when it is complete, which `flush` says.
struct Sink {
    text: Vec<u8>,
    to: Sender<String>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = String::from_utf8(std::mem::take(&mut self.text)).expect("text");
        self.to.send(text).map_err(io::Error::other)
    }
}

fn sink() -> (Sink, Receiver<String>) {
    let (to, from) = channel();
    (Sink { text: Vec::new(), to }, from)
}

fn send_to_self(signal: DumpSignal) {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal.number()) }, 0);
}

#[test]
fn a_signal_brings_a_dump_even_while_every_worker_is_busy() {
    let test = "dump_on_signal::a_signal_brings_a_dump_even_while_every_worker_is_busy";
    passes(test, || {
        let runtime = runtime(1);
        let (tx, rx) = rendezvous::<()>();
        let waiter = runtime.builder().name("patient").spawn(move || rx.recv()).unwrap();
        while !matches!(runtime.dump().coroutines[..], [ref one] if matches!(one.state, CoroutineState::Parked { .. }))
        {
            thread::yield_now();
        }
        let hog = Hog::on(&runtime, 0);
        let (sink, dumps) = sink();
        let on_signal = dump_on_signal(&runtime, DumpSignal::Quit, sink).unwrap();
        for _ in 0..2 {
            send_to_self(DumpSignal::Quit);
            let text = dumps.recv().unwrap();
            assert!(text.starts_with("1 coroutines that have parked, 1 that have not\n"), "{text}");
            assert!(text.contains("`patient` waits for a value from channel 0x"), "{text}");
            assert!(text.contains("dump_on_signal.rs:"), "{text}");
        }
        drop(on_signal);
        assert!(dumps.recv().is_err(), "the thread has ended, and its writer with it");
        hog.release();
        drop(tx);
        assert!(waiter.join().unwrap().is_err());
        end(runtime);
    });
}

#[test]
fn the_handler_before_is_called_as_well() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn count(_signal: i32) {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
    passes("dump_on_signal::the_handler_before_is_called_as_well", || {
        // SAFETY: the handler only adds to an atomic.
        unsafe { libc::signal(libc::SIGUSR1, count as extern "C" fn(i32) as libc::sighandler_t) };
        let runtime = runtime(1);
        let (sink, dumps) = sink();
        let _on_signal = dump_on_signal(&runtime, DumpSignal::User1, sink).unwrap();
        send_to_self(DumpSignal::User1);
        assert!(dumps.recv().unwrap().starts_with("0 coroutines"));
        assert_eq!(CALLS.load(Ordering::Relaxed), 1);
        end(runtime);
    });
}

/// The kernel's part of a signal alone can be larger than what is left of a small stack.
#[test]
fn the_handler_does_not_run_on_a_coroutines_stack() {
    passes("dump_on_signal::the_handler_does_not_run_on_a_coroutines_stack", || {
        let runtime = runtime(1);
        let (sink, dumps) = sink();
        let _on_signal = dump_on_signal(&runtime, DumpSignal::User2, sink).unwrap();
        let body = || {
            // SAFETY: no memory is involved; the signal comes to this very thread, before the call returns.
            unsafe { libc::raise(DumpSignal::User2.number()) };
        };
        let used_bytes = |body: fn()| {
            let mut handle = runtime.builder().measure_stack().spawn(body).unwrap();
            handle.join_mut().unwrap();
            handle.stack_high_water_bytes().unwrap()
        };
        let (quiet, hit) = (used_bytes(|| ()), used_bytes(body));
        assert!(dumps.recv().is_ok());
        assert!(hit < quiet + 512, "{quiet} bytes without a signal, {hit} with one");
        end(runtime);
    });
}

#[test]
fn no_handler_is_installed_unless_asked_for() {
    let ended = in_child("dump_on_signal::no_handler_is_installed_unless_asked_for", || {
        // Whoever runs the tests in the background may have told them to ignore it.
        // SAFETY: nothing else runs in the child yet.
        unsafe { libc::signal(libc::SIGQUIT, libc::SIG_DFL) };
        let runtime = runtime(1);
        runtime.run(|| send_to_self(DumpSignal::Quit)).unwrap();
    });
    if let Some(ended) = ended {
        assert_eq!(ended.signal, Some(libc::SIGQUIT), "{ended:?}");
    }
}
