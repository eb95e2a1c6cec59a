// SPDX-License-Identifier: BSD-3-Clause
//! The core trusts a platform with stacks and wakes, so implementing it is `unsafe`; so are stacks and workers by hand.

use std::num::NonZeroUsize;

use kcoro_posix::platform::{
    Capabilities, ClockId, GuardKind, Platform, StackLimits, StartError, WorkerEntry, WorkerSpec,
};
use kcoro_posix::stack::{RawStack, Stack, StackError};

struct Mine;

impl Platform for Mine {
    fn clock_id(&self) -> ClockId { loop {} }
    fn now_ns(&self) -> u64 { loop {} }
    fn parallelism(&self) -> NonZeroUsize { loop {} }
    fn capabilities(&self) -> Capabilities { loop {} }
    fn start_worker(&self, _: &WorkerSpec<'_>, _: WorkerEntry) -> Result<(), StartError> { loop {} }
    fn join_worker(&self, _: usize) { loop {} }
    fn adopt_worker(&self, _: usize) -> Result<(), StartError> { loop {} }
    fn park(&self, _: usize, _: Option<u64>) { loop {} }
    fn wake(&self, _: usize) { loop {} }
    fn stack_limits(&self) -> StackLimits { loop {} }
    fn allocate_stacks(&self, _: usize, _: &mut [Option<RawStack>]) -> Result<usize, StackError> { loop {} }
    unsafe fn free_stack(&self, _: RawStack) { loop {} }
    unsafe fn trim_stack(&self, _: &RawStack) { loop {} }
    fn guard_kind(&self) -> GuardKind { loop {} }
    fn fatal(&self, _: std::fmt::Arguments<'_>) -> ! { loop {} }
}

impl Stack for Mine {
    fn limit(&self) -> std::ptr::NonNull<u8> { loop {} }
    fn top(&self) -> std::ptr::NonNull<u8> { loop {} }
}

fn main() {
    let _ = WorkerEntry::new(|_| (), std::ptr::null());
}
