// SPDX-License-Identifier: BSD-3-Clause
//! A platform of one core, without threads, interrupts or an allocator for stacks.

use core::cell::UnsafeCell;
use core::fmt::Arguments;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kcoro_core::platform::{
    Capabilities, ClockId, GuardKind, Platform, StackLimits, StartError, WorkerEntry, WorkerSpec,
};
use kcoro_core::stack::{RawStack, StackError};

/// Enough for the small scenarios.
pub const STACKS: usize = 64;
const STACK_BYTES: usize = 128 * 1024;

#[repr(align(16))]
struct Memory(UnsafeCell<[[u8; STACK_BYTES]; STACKS]>);

// SAFETY: each stack is used by whoever took its place in `TAKEN`.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new([[0; STACK_BYTES]; STACKS]));
static TAKEN: [AtomicBool; STACKS] = [const { AtomicBool::new(false) }; STACKS];

/// The registration that a bare-metal backend has.
#[cfg(feature = "backend")]
mod ambient {
    use core::ptr;
    use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

    static WORKER: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

    #[cfg_attr(feature = "std", expect(dead_code, reason = "std keeps the pointer, and the macro is empty"))]
    fn get() -> *const () {
        WORKER.load(Ordering::Relaxed)
    }

    #[cfg_attr(feature = "std", expect(dead_code, reason = "as above"))]
    fn set(worker: *const ()) {
        assert_eq!(MASKS.load(Ordering::Relaxed), 0, "no lock is held where a worker begins or ends, or a handler");
        WORKER.store(worker.cast_mut(), Ordering::Relaxed);
    }

    /// There are no interrupts, so masks are only counted: how many are in force, and how many there have been.
    static MASKS: AtomicUsize = AtomicUsize::new(0);
    static MASKED: AtomicUsize = AtomicUsize::new(0);

    #[cfg_attr(feature = "std", expect(dead_code, reason = "as above"))]
    fn mask() {
        MASKS.fetch_add(1, Ordering::Relaxed);
        MASKED.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg_attr(feature = "std", expect(dead_code, reason = "as above"))]
    fn unmask() {
        assert_ne!(MASKS.fetch_sub(1, Ordering::Relaxed), 0, "what is unmasked was masked before");
    }

    /// Interrupts have been masked while locks were held, and are masked no more.
    #[cfg(not(feature = "std"))]
    pub fn masks_have_come_and_gone() -> bool {
        MASKED.load(Ordering::Relaxed) > 0 && MASKS.load(Ordering::Relaxed) == 0
    }

    // SAFETY: there is one thread, so one cell is the pointer of each.
    kcoro_core::ambient_worker!(unsafe {
        get = get,
        set = set,
        mask_interrupts = mask,
        unmask_interrupts = unmask,
    });
}

#[cfg(all(feature = "backend", not(feature = "std")))]
pub use ambient::masks_have_come_and_gone;

/// See the [module](self).
#[derive(Default)]
pub struct OneCore {
    now_ns: AtomicU64,
    woken: AtomicBool,
}

impl OneCore {
    pub const CLOCK: ClockId = ClockId(0x6f6e65);
}

// SAFETY: there is one thread. The clock only goes forward, when all sleep. Static memory has one owner per stack.
unsafe impl Platform for OneCore {
    fn clock_id(&self) -> ClockId {
        Self::CLOCK
    }

    fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Relaxed)
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    fn start_worker(&self, _: &WorkerSpec<'_>, _: WorkerEntry) -> Result<(), StartError> {
        Err(StartError::Unsupported("one core, one worker: use build_local"))
    }

    fn join_worker(&self, _: usize) {}

    fn adopt_worker(&self, _: usize) -> Result<(), StartError> {
        Ok(())
    }

    fn park(&self, _: usize, deadline_ns: Option<u64>) {
        match (self.woken.swap(false, Ordering::Relaxed), deadline_ns) {
            (true, _) => {}
            (false, Some(deadline_ns)) => _ = self.now_ns.fetch_max(deadline_ns, Ordering::Relaxed),
            (false, None) => self.fatal(format_args!("everyone waits for ever")),
        }
    }

    fn wake(&self, _: usize) {
        self.woken.store(true, Ordering::Relaxed);
    }

    fn stack_limits(&self) -> StackLimits {
        StackLimits { min_bytes: 1024, default_bytes: STACK_BYTES, max_bytes: STACK_BYTES }
    }

    fn allocate_stacks(&self, _: usize, out: &mut [Option<RawStack>]) -> Result<usize, StackError> {
        let free = (0..STACKS).find(|&index| !TAKEN[index].swap(true, Ordering::Relaxed));
        let index = free.ok_or(StackError::OutOfMemory { os_code: 0 })?;
        // SAFETY: the place is ours now, and sizes and start are multiples of the alignment of a stack.
        out[0] = Some(unsafe {
            let limit = NonNull::new_unchecked(MEMORY.0.get().cast::<u8>()).add(index * STACK_BYTES);
            RawStack::new(limit, limit.add(STACK_BYTES), index)
        });
        Ok(1)
    }

    unsafe fn free_stack(&self, stack: RawStack) {
        TAKEN[stack.token()].store(false, Ordering::Relaxed);
    }

    unsafe fn trim_stack(&self, _: &RawStack) {}

    fn guard_kind(&self) -> GuardKind {
        GuardKind::Canary
    }

    fn fatal(&self, message: Arguments<'_>) -> ! {
        panic!("{message}")
    }
}
