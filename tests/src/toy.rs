// SPDX-License-Identifier: BSD-3-Clause
//! The toy backend of docs/PORTING.md, which quotes this file from the next blank line on.
#![expect(missing_docs, reason = "the guide explains it")]
#![expect(unsafe_code, reason = "implements the platform trait, whose promises the core relies on")]

use std::alloc::{Layout, alloc, dealloc};
use std::fmt::Arguments;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kcoro_core::platform::{
    Capabilities, ClockId, GuardKind, Platform, StackLimits, StartError, WorkerEntry, WorkerSpec,
};
use kcoro_core::stack::{RawStack, StackError};

const MAX_WORKERS: usize = 16;
const CANARY: u128 = 0x6b63_6f72_6f20_7374_6163_6b20_656e_6421;

pub struct Toy {
    start: Instant,
    seats: [Seat; MAX_WORKERS],
}

#[derive(Default)]
struct Seat {
    thread: Mutex<Option<JoinHandle<()>>>,
    woken: Mutex<bool>,
    bell: Condvar,
}

impl Toy {
    /// Its zero is its own, so its readings are no other clock's.
    pub const CLOCK: ClockId = ClockId(0x746f79);

    pub fn new() -> Self {
        Self { start: Instant::now(), seats: Default::default() }
    }
}

impl Default for Toy {
    fn default() -> Self {
        Self::new()
    }
}

/// The canary lies below the limit, where the core never writes.
fn layout(size_bytes: usize) -> Layout {
    Layout::from_size_align(size_bytes + size_of::<u128>(), align_of::<u128>()).expect("checked against the limits")
}

// SAFETY: the clock is std's monotonic one. Each entry runs once, on its thread. A wake sets a flag under the lock under
// which a park looks at it, so none is lost. A stack is an allocation of its own until it is freed.
unsafe impl Platform for Toy {
    fn clock_id(&self) -> ClockId {
        Self::CLOCK
    }

    fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn parallelism(&self) -> NonZeroUsize {
        std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_multi_worker().with_unwinding()
    }

    fn start_worker(&self, spec: &WorkerSpec<'_>, entry: WorkerEntry) -> Result<(), StartError> {
        let seat = self.seats.get(spec.index).ok_or(StartError::Unsupported("the toy has 16 workers at most"))?;
        let thread = std::thread::Builder::new().name(spec.name.into()).spawn(|| entry.run());
        let thread = thread.map_err(|why| StartError::NoThread { os_code: why.raw_os_error().unwrap_or(0) })?;
        *seat.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    fn join_worker(&self, index: usize) {
        let thread = self.seats[index].thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn adopt_worker(&self, _index: usize) -> Result<(), StartError> {
        Ok(())
    }

    fn park(&self, index: usize, deadline_ns: Option<u64>) {
        let seat = &self.seats[index];
        let woken = seat.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut woken = match deadline_ns {
            None => seat.bell.wait_while(woken, |woken| !*woken).unwrap_or_else(PoisonError::into_inner),
            Some(deadline_ns) => {
                let rest = Duration::from_nanos(deadline_ns.saturating_sub(self.now_ns()));
                let ended = seat.bell.wait_timeout_while(woken, rest, |woken| !*woken);
                ended.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        *woken = false;
    }

    fn wake(&self, index: usize) {
        // The core may wake a worker that was refused.
        let Some(seat) = self.seats.get(index) else { return };
        *seat.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        seat.bell.notify_one();
    }

    fn stack_limits(&self) -> StackLimits {
        StackLimits { min_bytes: 16 * 1024, default_bytes: 256 * 1024, max_bytes: 16 * 1024 * 1024 }
    }

    fn allocate_stacks(&self, size_bytes: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError> {
        // SAFETY: the layout is not empty.
        let base = NonNull::new(unsafe { alloc(layout(size_bytes)) }).ok_or(StackError::OutOfMemory { os_code: 0 })?;
        // SAFETY: all addresses are inside of the new allocation or one past its end, and a canary is as aligned as a
        // stack's top.
        out[0] = Some(unsafe {
            base.cast::<u128>().write(CANARY);
            let limit = base.add(size_of::<u128>());
            RawStack::new(limit, limit.add(size_bytes), size_bytes)
        });
        Ok(1)
    }

    unsafe fn free_stack(&self, stack: RawStack) {
        // SAFETY: the stack came from `allocate_stacks`, which left this room below its limit.
        let base = unsafe { stack.limit().sub(size_of::<u128>()) };
        // SAFETY: as above, and nobody uses the stack any more.
        if unsafe { base.cast::<u128>().read() } != CANARY {
            self.fatal(format_args!("a stack of {} bytes has overflowed", stack.token()));
        }
        // SAFETY: allocated with this layout, and freed once, as the caller promises.
        unsafe { dealloc(base.as_ptr(), layout(stack.token())) };
    }

    unsafe fn trim_stack(&self, _stack: &RawStack) {}

    fn guard_kind(&self) -> GuardKind {
        GuardKind::Canary
    }

    fn fatal(&self, message: Arguments<'_>) -> ! {
        eprintln!("toy: {message}");
        std::process::abort();
    }
}
