// SPDX-License-Identifier: BSD-3-Clause
//! Disks of virtual machines: virtio-blk, by the crate `virtio-drivers`, whose wait is a park here.
//!
//! One request at a time is in flight; others queue for their turn, parked. The device reads and writes the caller's own memory,
//! so a request that is in flight cannot be given up: a cancel is seen at the next operation that is a point of cancellation.
#![expect(unsafe_code, reason = "hands memory to a device")]

mod line;
mod memory;

use core::fmt;
use core::ptr::NonNull;

use kcoro_core::sync::{Mutex, MutexGuard};
use kcoro_core::wait::CannotWait;
use virtio_drivers::device::blk::{BlkReq, BlkResp, VirtIOBlk};
use virtio_drivers::transport::mmio::MmioTransport;

use self::line::Line;
use self::memory::IdentityMapped;
use crate::gic::Trigger;
use crate::interrupts::handlers::AttachError;
use crate::machine::Machine;
use crate::tree::Slot;

type Device = VirtIOBlk<IdentityMapped, MmioTransport<'static>>;

/// A disk of blocks of [`Disk::BLOCK_BYTES`], whose requests park the caller until its interrupt.
///
/// Shared by reference. Where one cannot wait, outside of coroutines, a request is waited for by looking; a handler must not use
/// it.
pub struct Disk {
    device: Mutex<Device>,
    line: &'static Line,
    blocks: u64,
}

/// Why a disk cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenDiskError {
    /// The machine has none that is not open.
    NoDisk,
    /// Its interrupt cannot be handled.
    Interrupt(AttachError),
    /// It does not start.
    Device(virtio_drivers::Error),
}

/// Why blocks cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiskError {
    /// The disk ends before them, or their bytes are no blocks.
    OutOfRange,
    /// The disk is in use, and the caller cannot wait for its turn.
    CannotWait(CannotWait),
    /// What the device says.
    Device(virtio_drivers::Error),
}

impl fmt::Display for OpenDiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDisk => write!(f, "the machine has no disk that is not open"),
            Self::Interrupt(error) => write!(f, "the disk's interrupt: {error}"),
            Self::Device(error) => write!(f, "the disk does not start: {error}"),
        }
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange => write!(f, "the disk has no such blocks"),
            Self::CannotWait(error) => write!(f, "the disk is in use: {error}"),
            Self::Device(error) => write!(f, "the disk: {error}"),
        }
    }
}

impl core::error::Error for OpenDiskError {}
impl core::error::Error for DiskError {}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("blocks", &self.blocks).finish_non_exhaustive()
    }
}

impl Machine {
    /// Opens the first disk that is not open, for good. The calling core handles its interrupt.
    ///
    /// It takes two pages of the machine's memory.
    ///
    /// # Errors
    ///
    /// See [`OpenDiskError`].
    pub fn open_disk(&self) -> Result<Disk, OpenDiskError> {
        let mut disks = self.virtio.iter().filter(|slot| is_disk(slot));
        disks.find_map(|slot| self.open(slot).transpose()).unwrap_or(Err(OpenDiskError::NoDisk))
    }

    /// `None` when somebody has it open.
    fn open(&self, slot: &Slot) -> Result<Option<Disk>, OpenDiskError> {
        let (Some(line), Some(header)) = (Line::take(slot.registers), NonNull::new(slot.registers as *mut _)) else {
            return Ok(None);
        };
        // SAFETY: the device tree says that such registers are there, and they are mapped as a device, for ever.
        let transport = unsafe { MmioTransport::new(header, slot.registers_bytes as usize) };
        let transport = transport.map_err(|_| OpenDiskError::Device(virtio_drivers::Error::Unsupported))?;
        let mut device = Device::new(transport).map_err(OpenDiskError::Device)?;
        device.enable_interrupts();
        line.connect(slot.interrupt);
        self.attach(slot.interrupt, Trigger::Edge, line::on_interrupt).map_err(OpenDiskError::Interrupt)?;
        Ok(Some(Disk { blocks: device.capacity(), device: Mutex::new(device), line }))
    }
}

/// Whether there is a disk at `slot`. The driver's own look would not do: when it is dropped it resets the device, which somebody
/// may have open.
fn is_disk(slot: &Slot) -> bool {
    const MAGIC: (u64, u32) = (0x00, 0x7472_6976);
    const KIND_IS_DISK: (u64, u32) = (0x08, 2);
    [MAGIC, KIND_IS_DISK].iter().all(|(offset, value)| {
        // SAFETY: the device tree says that such registers are there, and reading these two changes nothing.
        let read = unsafe { ((slot.registers + offset) as *const u32).read_volatile() };
        read == *value
    })
}

impl Disk {
    /// How large a block is.
    pub const BLOCK_BYTES: usize = 512;

    /// How many blocks there are.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Reads the blocks from `first` on, as many as `buffer` holds, which is whole blocks.
    ///
    /// It parks, and is not a point of cancellation.
    ///
    /// # Errors
    ///
    /// See [`DiskError`].
    pub fn read(&self, first: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let first = self.first_of(first, buffer.len())?;
        let (mut request, mut response) = (BlkReq::default(), BlkResp::default());
        let mut device = self.device()?;
        // SAFETY: nobody touches the three before the device has finished with them, and this does not return before.
        let token = unsafe { device.read_blocks_nb(first, &mut request, buffer, &mut response) };
        let token = token.map_err(DiskError::Device)?;
        self.until_used(&mut device, token);
        // SAFETY: the same three.
        let read = unsafe { device.complete_read_blocks(token, &request, buffer, &mut response) };
        read.map_err(DiskError::Device)
    }

    /// Writes `bytes`, which are whole blocks, to those from `first` on. What has been written is in the device's hands; a cache of
    /// its own may hold it.
    ///
    /// It parks, and is not a point of cancellation.
    ///
    /// # Errors
    ///
    /// See [`DiskError`].
    pub fn write(&self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let first = self.first_of(first, bytes.len())?;
        let (mut request, mut response) = (BlkReq::default(), BlkResp::default());
        let mut device = self.device()?;
        // SAFETY: as in `read`.
        let token = unsafe { device.write_blocks_nb(first, &mut request, bytes, &mut response) };
        let token = token.map_err(DiskError::Device)?;
        self.until_used(&mut device, token);
        // SAFETY: the same three.
        let written = unsafe { device.complete_write_blocks(token, &request, bytes, &mut response) };
        written.map_err(DiskError::Device)
    }

    fn first_of(&self, first: u64, bytes: usize) -> Result<usize, DiskError> {
        let blocks = (bytes / Self::BLOCK_BYTES) as u64;
        let fits = first.checked_add(blocks).is_some_and(|end| end <= self.blocks);
        (fits && blocks > 0 && bytes.is_multiple_of(Self::BLOCK_BYTES)).then_some(first as usize).ok_or(DiskError::OutOfRange)
    }

    fn device(&self) -> Result<MutexGuard<'_, Device>, DiskError> {
        self.device.lock().map_err(DiskError::CannotWait)
    }

    /// Waits until the device has finished request `token`, the only one.
    fn until_used(&self, device: &mut Device, token: u16) {
        // The event is reset before the look: an interrupt after the look sets it again.
        self.line.used.reset();
        while device.peek_used() != Some(token) {
            // Not cancellable, and where one cannot wait there is nothing but looking: the device holds the caller's memory.
            if self.line.used.wait().is_err() {
                core::hint::spin_loop();
            }
            self.line.used.reset();
        }
    }
}
