// SPDX-License-Identifier: BSD-3-Clause
//! How long resuming and suspending take, beside corosensei. Prints the median nanoseconds per switch over many rounds,
//! the contenders taking turns in each round, so that whatever slows the machine down slows them all.
//!
//! `cargo run --release -p kcoro-bench --bin switch`
#![expect(unsafe_code, reason = "makes stacks without guards")]

use std::hint::black_box;
use std::time::Instant;

use kcoro_core::coroutine::{Builder, Coroutine, CoroutineResult, Yielder};
use kcoro_core::stack::HeapStack;

const STACK_BYTES: usize = 64 * 1024;
const ROUNDS: usize = 301;
const RESUMES_PER_ROUND: usize = 100_000;

/// Something that is resumed with a number and yields a number.
type Contender = (&'static str, Box<dyn FnMut(usize)>);

fn heap_stack() -> HeapStack {
    // SAFETY: the bodies below need a few hundred bytes.
    unsafe { HeapStack::new_unguarded(STACK_BYTES) }.expect("memory for a stack")
}

fn kcoro() -> Contender {
    let mut coroutine = Coroutine::<_, _, (), _>::new(heap_stack(), |yielder: &Yielder<usize, usize>, mut input| {
        loop {
            input = yielder.suspend(input + 1);
        }
    });
    let run = move |resumes| {
        for n in 0..resumes {
            assert!(matches!(coroutine.resume(n), CoroutineResult::Yield(m) if m == n + 1));
        }
    };
    ("kcoro, one word", Box::new(run))
}

fn kcoro_own_fp_control() -> Contender {
    let mut coroutine = Builder::new()
        .own_fp_control()
        .build::<_, _, (), _, _>(heap_stack(), |yielder: &Yielder<usize, usize>, mut input| {
            loop {
                input = yielder.suspend(input + 1);
            }
        })
        .expect("a large stack");
    let run = move |resumes| {
        for n in 0..resumes {
            assert!(matches!(coroutine.resume(n), CoroutineResult::Yield(m) if m == n + 1));
        }
    };
    ("kcoro, one word, own FP control", Box::new(run))
}

fn kcoro_pair() -> Contender {
    let mut coroutine =
        Coroutine::<_, _, (), _>::new(heap_stack(), |yielder: &Yielder<[usize; 2], [usize; 2]>, mut input| {
            loop {
                input = yielder.suspend([input[0] + 1, input[1]]);
            }
        });
    let run = move |resumes| {
        for n in 0..resumes {
            assert!(matches!(coroutine.resume([n, 0]), CoroutineResult::Yield([m, _]) if m == n + 1));
        }
    };
    ("kcoro, two words", Box::new(run))
}

fn corosensei() -> Contender {
    let stack = corosensei::stack::DefaultStack::new(STACK_BYTES).expect("memory for a stack");
    let mut coroutine = corosensei::Coroutine::<usize, usize, (), _>::with_stack(stack, |yielder, mut input| {
        loop {
            input = yielder.suspend(input + 1);
        }
    });
    let run = move |resumes| {
        for n in 0..resumes {
            assert!(matches!(coroutine.resume(n), corosensei::CoroutineResult::Yield(m) if m == n + 1));
        }
    };
    ("corosensei, one word", Box::new(run))
}

fn corosensei_pair() -> Contender {
    let stack = corosensei::stack::DefaultStack::new(STACK_BYTES).expect("memory for a stack");
    let mut coroutine =
        corosensei::Coroutine::<[usize; 2], [usize; 2], (), _>::with_stack(stack, |yielder, mut input| {
            loop {
                input = yielder.suspend([input[0] + 1, input[1]]);
            }
        });
    let run = move |resumes| {
        for n in 0..resumes {
            assert!(matches!(coroutine.resume([n, 0]), corosensei::CoroutineResult::Yield([m, _]) if m == n + 1));
        }
    };
    ("corosensei, two words", Box::new(run))
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn main() {
    let mut contenders = [kcoro(), corosensei(), kcoro_pair(), corosensei_pair(), kcoro_own_fp_control()];
    let mut ns_per_switch = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, run), samples) in contenders.iter_mut().zip(&mut ns_per_switch) {
            let start = Instant::now();
            run(black_box(RESUMES_PER_ROUND));
            // A resume and a suspension.
            samples.push(start.elapsed().as_nanos() as f64 / (2 * RESUMES_PER_ROUND) as f64);
        }
    }
    for ((name, _), samples) in contenders.iter().zip(&mut ns_per_switch) {
        println!("{:<36} {:>6.2} ns per switch", name, median(samples));
    }
}
