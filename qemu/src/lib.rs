// SPDX-License-Identifier: BSD-3-Clause
//! What the programs share: a heap.
#![no_std]
#![cfg(target_os = "none")]

use kcoro_baremetal_aarch64::Machine;
use talc::{ErrOnOom, Span, Talc, Talck};

/// Spins while another core allocates. Handlers allocate nothing, so nobody waits for what it has interrupted.
#[global_allocator]
static HEAP: Talck<spin::Mutex<()>, ErrOnOom> = Talc::new(ErrOnOom).lock();

/// Gives the heap so much memory of the machine's.
///
/// # Panics
///
/// When the machine has less.
pub fn start_heap(machine: &Machine, size_bytes: usize) {
    let memory = machine.take_memory(size_bytes).expect("a machine with that much memory");
    claim(Span::from(memory));
}

#[expect(unsafe_code, reason = "gives memory to the allocator")]
fn claim(span: Span) {
    // SAFETY: the memory is ours for ever, and becomes the allocator's.
    let claimed = unsafe { HEAP.lock().claim(span) };
    claimed.expect("a span that is large enough to be used");
}
