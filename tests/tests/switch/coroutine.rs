// SPDX-License-Identifier: BSD-3-Clause
//! What coroutines promise about their ends: values, panics, drops, nesting.
#![expect(unsafe_code, reason = "makes stacks without guards")]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use kcoro_core::coroutine::{Coroutine, CoroutineResult, Generator, NewErrorReason, Yielder, scoped};
use kcoro_core::stack::{HeapStack, STACK_ALIGN, Stack, StackError};

const STACK_BYTES: usize = 256 * 1024;

fn stack() -> HeapStack {
    stack_of(STACK_BYTES)
}

fn stack_of(size_bytes: usize) -> HeapStack {
    // SAFETY: the bodies in this file need far less, with the backtrace of a panic too; where one goes deep it measures.
    unsafe { HeapStack::new_unguarded(size_bytes) }.expect("memory for a stack")
}

/// Counts its drops.
#[derive(Clone, Default)]
struct Drops(Rc<Cell<u32>>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Drops {
    fn count(&self) -> u32 {
        self.0.get()
    }
    /// Another counter of the same count.
    fn more(&self) -> Drops {
        Drops(self.0.clone())
    }
}

#[test]
fn values_of_every_size_travel_both_ways() {
    fn travels<T: Clone + PartialEq + std::fmt::Debug + 'static>(value: T) {
        let mut echo = Coroutine::new(stack(), |yielder: &Yielder<T, T>, mut value| {
            for _ in 0..3 {
                value = yielder.suspend(value);
            }
            value
        });
        for _ in 0..3 {
            assert_eq!(echo.resume(value.clone()), CoroutineResult::Yield(value.clone()));
        }
        assert_eq!(echo.resume(value.clone()), CoroutineResult::Return(value));
    }
    travels(());
    travels(0xA5u8);
    travels([1u8, 2, 3]);
    travels(usize::MAX);
    travels(-1.5f64);
    travels(u128::MAX / 3);
    travels((7u8, 9u32));
    travels([0x5A_u64; 33]);
    travels(String::from("heap"));
    travels(Rc::new(5));
    travels(Some(Box::new(1)));
}

#[test]
fn values_are_dropped_once_each() {
    let drops = Drops::default();
    let mut echo = Coroutine::new(stack(), |yielder: &Yielder<Drops, Drops>, mut value| {
        for _ in 0..10 {
            value = yielder.suspend(value);
        }
    });
    for n in 0..10 {
        assert_eq!(drops.count(), n);
        let CoroutineResult::Yield(_) = echo.resume(drops.more()) else { panic!("ends after ten") };
    }
    assert!(matches!(echo.resume(drops.more()), CoroutineResult::Return(())));
    assert_eq!(drops.count(), 11);
}

#[test]
fn resume_after_the_end_gives_the_value_back() {
    let mut coroutine = Coroutine::new(stack(), |_: &Yielder<String, ()>, _| ());
    coroutine.resume("first".into());
    assert!(coroutine.is_done());
    let error = coroutine.try_resume("second".into()).expect_err("it has ended");
    assert_eq!(error.0, "second");
    let stack = coroutine.into_stack().expect("it has ended");
    assert!(stack.top().addr().get() - stack.limit().addr().get() >= STACK_BYTES);
}

#[test]
#[should_panic(expected = "after it had ended")]
fn resume_after_the_end_panics() {
    let mut coroutine = Coroutine::new(stack(), |_: &Yielder<(), ()>, ()| ());
    coroutine.resume(());
    coroutine.resume(());
}

#[test]
fn into_stack_refuses_a_suspended_coroutine() {
    let mut coroutine = Coroutine::new(stack(), |yielder: &Yielder<(), u8>, ()| yielder.suspend(1));
    coroutine.resume(());
    let mut coroutine = coroutine.into_stack().expect_err("it has not ended");
    assert_eq!(coroutine.resume(()), CoroutineResult::Return(()));
}

#[test]
fn too_small_a_stack_is_refused_and_given_back() {
    let big = [0u8; 8000];
    let body = move |_: &Yielder<(), ()>, ()| big.len();
    let error = Coroutine::try_new(stack_of(4096), body).expect_err("the body alone is larger");
    let NewErrorReason::Stack(StackError::TooSmall { size_bytes, min_bytes }) = error.reason else {
        panic!("{:?}", error.reason);
    };
    assert_eq!(size_bytes, 4096);
    assert!(min_bytes > 8000);
    assert_eq!(error.stack.top().addr().get() - error.stack.limit().addr().get(), 4096);
    for size_bytes in [1, STACK_ALIGN, 256] {
        assert!(Coroutine::try_new(stack_of(size_bytes), |_: &Yielder<(), ()>, ()| ()).is_err());
    }
}

#[test]
fn an_overaligned_body_is_aligned_on_the_stack() {
    #[repr(align(256))]
    struct Aligned(u8);
    let aligned = Aligned(7);
    let mut coroutine = Coroutine::new(stack(), move |_: &Yielder<(), ()>, ()| {
        let inside = &aligned;
        (std::ptr::from_ref(inside).addr() % 256, inside.0)
    });
    assert_eq!(coroutine.resume(()), CoroutineResult::Return((0, 7)));
}

#[test]
fn a_panic_in_the_body_arrives_in_the_resumer() {
    let drops = Drops::default();
    let inside = drops.more();
    let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
        let _inside = inside;
        yielder.suspend(());
        std::panic::panic_any(42u64);
    });
    coroutine.resume(());
    let payload = catch_unwind(AssertUnwindSafe(|| coroutine.resume(()))).expect_err("panics");
    assert_eq!(payload.downcast_ref(), Some(&42u64));
    assert!(!std::thread::panicking());
    assert!(coroutine.is_done());
    assert_eq!(drops.count(), 1);
    drop(coroutine);
    assert_eq!(drops.count(), 1);
}

#[test]
fn dropping_a_fresh_coroutine_drops_its_body() {
    let drops = Drops::default();
    let inside = drops.more();
    drop(Coroutine::new(stack(), move |_: &Yielder<(), ()>, ()| drop(inside)));
    assert_eq!(drops.count(), 1);
}

#[test]
fn dropping_a_suspended_coroutine_unwinds_it_without_the_panic_hook() {
    let drops = Drops::default();
    let inside = drops.more();
    let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
        let _captured = inside;
        let _locals = [_captured.more(), _captured.more()];
        deeper(yielder, 50, &_captured);
        unreachable!("never resumed that often");
    });
    fn deeper(yielder: &Yielder<(), ()>, levels: u32, drops: &Drops) {
        let _local = drops.more();
        if levels > 0 { deeper(yielder, levels - 1, drops) } else { yielder.suspend(()) }
    }
    coroutine.resume(());
    assert_eq!(drops.count(), 0);
    drop(coroutine);
    // Locals at 51 levels, two in the array, one captured.
    assert_eq!(drops.count(), 54);
    assert!(!std::thread::panicking());
}

#[test]
fn a_body_that_catches_the_unwind_is_unwound_again() {
    let caught = Rc::new(Cell::new(0));
    let inside = caught.clone();
    let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
        for _ in 0..10 {
            if catch_unwind(AssertUnwindSafe(|| yielder.suspend(()))).is_err() {
                inside.set(inside.get() + 1);
            }
        }
    });
    coroutine.resume(());
    drop(coroutine);
    assert_eq!(caught.get(), 10);
}

#[test]
fn a_panic_while_a_dropped_coroutine_unwinds_is_not_lost() {
    let mut coroutine = Coroutine::new(stack(), move |yielder: &Yielder<(), ()>, ()| {
        let _ = catch_unwind(AssertUnwindSafe(|| yielder.suspend(())));
        std::panic::panic_any("from the body");
    });
    coroutine.resume(());
    let payload = catch_unwind(AssertUnwindSafe(|| drop(coroutine))).expect_err("panics");
    assert_eq!(payload.downcast_ref(), Some(&"from the body"));
}

#[test]
fn a_coroutine_dropped_by_a_panic_is_unwound_and_can_be_resumed_by_a_destructor() {
    struct ResumeOnDrop<'a>(Generator<u32, HeapStack>, &'a RefCell<Vec<u32>>);
    impl Drop for ResumeOnDrop<'_> {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            self.1.borrow_mut().extend(self.0.by_ref().take(2));
        }
    }
    let (drops, seen) = (Drops::default(), RefCell::new(Vec::new()));
    let inside = drops.more();
    let generator = Generator::new(stack(), move |yielder| {
        let _inside = inside;
        (0..1000).for_each(|n| yielder.suspend(n));
    });
    let mut resumer = ResumeOnDrop(generator, &seen);
    assert_eq!(resumer.0.next(), Some(0));
    let result = catch_unwind(AssertUnwindSafe(move || {
        let _resumer = resumer;
        panic!("of the test");
    }));
    assert!(result.is_err());
    assert_eq!(*seen.borrow(), [1, 2]);
    assert_eq!(drops.count(), 1);
}

#[test]
fn coroutines_nest() {
    fn numbers(depth: u32) -> Generator<u32, HeapStack> {
        Generator::new(stack(), move |yielder| {
            yielder.suspend(depth);
            if depth > 0 {
                numbers(depth - 1).for_each(|n| yielder.suspend(n));
            }
            yielder.suspend(depth);
        })
    }
    let expected: Vec<u32> = (0..=9).rev().chain(0..=9).collect();
    assert_eq!(numbers(9).collect::<Vec<_>>(), expected);
    // Dropped in the middle, all ten are unwound.
    assert_eq!(numbers(9).nth(12), Some(expected[12]));
}

#[test]
fn a_generator_is_fused() {
    let mut generator = Generator::new(stack(), |yielder| yielder.suspend(1));
    assert_eq!((generator.next(), generator.next(), generator.next()), (Some(1), None, None));
}

#[test]
fn a_body_may_use_nearly_all_of_its_stack() {
    fn depth(limit: usize, level: u64) -> u64 {
        let frame = std::hint::black_box([level; 16]);
        // Leaves room for one more frame of an unoptimised build.
        if std::ptr::from_ref(&frame).addr() < limit + 4096 { level } else { depth(limit, level + 1).max(frame[15]) }
    }
    let stack = stack();
    let limit = stack.limit().addr().get();
    // SAFETY: the bytes at the low end are the stack's own and not in use yet.
    unsafe { stack.limit().write_bytes(0xEE, 1024) };
    let mut coroutine = Coroutine::new(stack, move |yielder: &Yielder<(), u64>, ()| {
        yielder.suspend(depth(limit, 0));
        depth(limit, 0)
    });
    let CoroutineResult::Yield(levels) = coroutine.resume(()) else { panic!("suspends") };
    assert_eq!(coroutine.resume(()), CoroutineResult::Return(levels));
    assert!(levels > 100);
    let stack = coroutine.into_stack().expect("ended");
    // SAFETY: written above.
    let low_end = unsafe { std::slice::from_raw_parts(stack.limit().as_ptr(), 1024) };
    assert!(low_end.iter().all(|&byte| byte == 0xEE), "the body went past the end");
}

#[test]
fn a_scoped_body_borrows_and_is_ended_with_its_scope() {
    let (drops, mut log) = (Drops::default(), Vec::new());
    let body = |yielder: &Yielder<u32, u32>, mut input| {
        let _local = drops.more();
        loop {
            log.push(input);
            input = yielder.suspend(input + 1);
        }
    };
    let results: [CoroutineResult<u32, ()>; 2] =
        scoped(stack(), body, |mut coroutine| [coroutine.resume(1), coroutine.resume(5)]).expect("a large stack");
    assert_eq!(results, [CoroutineResult::Yield(2), CoroutineResult::Yield(6)]);
    assert_eq!((drops.count(), log), (1, vec![1, 5]));
}
