// SPDX-License-Identifier: BSD-3-Clause
//! Memory as virtio devices see it: at the same addresses, and coherent with the caches, as virtual machines have it.
#![expect(unsafe_code, reason = "promises what the driver relies on")]

use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use crate::boot;

/// See the [module](self).
pub(super) struct IdentityMapped;

// SAFETY: memory that is taken from the machine is nobody else's, aligned to a page and zeroed here. All addresses map to
// themselves.
unsafe impl Hal for IdentityMapped {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        // 0 says that there is no memory.
        let Some(memory) = boot::machine().take_memory(pages * PAGE_SIZE) else { return (0, NonNull::dangling()) };
        memory.fill(MaybeUninit::zeroed());
        let start = NonNull::from(memory).cast::<u8>();
        (start.addr().get() as PhysAddr, start)
    }

    /// A disk is opened once, for good: what it was given stays its own.
    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _: usize) -> NonNull<u8> {
        NonNull::new(ptr::with_exposed_provenance_mut(address as usize)).expect("no device is at 0")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().expose_provenance().get() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
