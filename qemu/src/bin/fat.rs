// SPDX-License-Identifier: BSD-3-Clause
//! A file system that the host has made, read and written by the crate `embedded-sdmmc` on a disk whose requests park: other
//! coroutines go on meanwhile.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;

use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx, Mode, TimeSource, Timestamp, VolumeIdx, VolumeManager};
use kcoro_baremetal_aarch64::sched::{Builder, JoinHandle, Runtime, yield_now};
use kcoro_baremetal_aarch64::time::{TimeError, sleep};
use kcoro_baremetal_aarch64::{BareMetal, Disk, DiskError, ExitCode, Machine, OpenDiskError, current_core, entry, say};

entry!(main);

/// How many bytes the large file has, and which.
const LARGE: usize = 100_000;

fn expected(place: usize) -> u8 {
    (place * place % 251) as u8
}

/// What others have done.
static WORKED: AtomicUsize = AtomicUsize::new(0);
static DONE: AtomicBool = AtomicBool::new(false);
/// Transfers, and those during which others have done something.
static TRANSFERS: AtomicUsize = AtomicUsize::new(0);
static WORKED_BESIDE: AtomicUsize = AtomicUsize::new(0);

fn main(machine: &'static Machine) -> ExitCode {
    kcoro_qemu::start_heap(machine, 16 << 20);
    let disk = &*alloc::boxed::Box::leak(alloc::boxed::Box::new(machine.open_disk().expect("a disk")));
    say(format_args!("a disk of {} blocks, which is opened once: {}", disk.blocks(), is_opened_once(machine)));
    let runtime = Runtime::builder(BareMetal::new()).workers(machine.cores()).stack_size(32 * 1024);
    let runtime = runtime.build_local().expect("a core for each worker");
    let mut first = [0; Disk::BLOCK_BYTES];
    let without = disk.read(0, &mut first).is_ok() && first[510..] == [0x55, 0xaa];
    say(format_args!("a block can be read outside of coroutines: {without}"));
    runtime.run(|| beside_others(disk)).expect("no coroutine panics");
    let (transfers, beside) = (TRANSFERS.load(Ordering::Relaxed), WORKED_BESIDE.load(Ordering::Relaxed));
    // An emulator's disk may have finished before the request is waited for.
    say(format_args!("{transfers} transfers, others worked during {beside} of them"));
    say(format_args!("others went on while transfers waited: {}", transfers > 100 && beside > 10));
    say(format_args!("a cancel is seen after the request: {}", runtime.run(|| cancelled(disk)).expect("as above")));
    say(format_args!("each gets the blocks it asked for: {}", runtime.run(|| many(machine, disk)).expect("as above")));
    say(format_args!("nothing is left behind: {}", runtime.shutdown(Duration::from_secs(1)).is_clean()));
    ExitCode::SUCCESS
}

fn is_opened_once(machine: &Machine) -> bool {
    matches!(machine.open_disk(), Err(OpenDiskError::NoDisk))
}

fn beside_others(disk: &'static Disk) {
    let work = || {
        while !DONE.load(Ordering::Relaxed) {
            WORKED.fetch_add(1, Ordering::Relaxed);
            yield_now();
        }
    };
    let core = current_core();
    let worker = Builder::new().worker(core).spawn(work).expect("a stack");
    files(disk).expect("the file system of the host");
    DONE.store(true, Ordering::Relaxed);
    worker.join().expect("it returns");
}

/// The disk as the crate wants it, with a count of what happens meanwhile.
struct Blocks(&'static Disk);

impl Blocks {
    fn transfer(transfer: impl FnOnce() -> Result<(), DiskError>) -> Result<(), DiskError> {
        let before = WORKED.load(Ordering::Relaxed);
        transfer()?;
        TRANSFERS.fetch_add(1, Ordering::Relaxed);
        WORKED_BESIDE.fetch_add(usize::from(WORKED.load(Ordering::Relaxed) > before), Ordering::Relaxed);
        Ok(())
    }
}

impl BlockDevice for Blocks {
    type Error = DiskError;

    fn read(&self, blocks: &mut [Block], first: BlockIdx) -> Result<(), DiskError> {
        blocks
            .iter_mut()
            .zip(u64::from(first.0)..)
            .try_for_each(|(block, place)| Self::transfer(|| self.0.read(place, &mut block.contents)))
    }

    fn write(&self, blocks: &[Block], first: BlockIdx) -> Result<(), DiskError> {
        blocks
            .iter()
            .zip(u64::from(first.0)..)
            .try_for_each(|(block, place)| Self::transfer(|| self.0.write(place, &block.contents)))
    }

    fn num_blocks(&self) -> Result<BlockCount, DiskError> {
        Ok(BlockCount(self.0.blocks() as u32))
    }
}

/// There is no calendar here.
struct Beginning;

impl TimeSource for Beginning {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_fat(0x21, 0)
    }
}

fn files(disk: &'static Disk) -> Result<(), embedded_sdmmc::Error<DiskError>> {
    let manager: VolumeManager<_, _> = VolumeManager::new(Blocks(disk), Beginning);
    let volume = manager.open_volume(VolumeIdx(0))?;
    let root = volume.open_root_dir()?;

    let mut text = [0; 64];
    let readme = root.open_file_in_dir("README.TXT", Mode::ReadOnly)?;
    let count = readme.read(&mut text)?;
    say(format_args!("README.TXT: {}", core::str::from_utf8(&text[..count]).unwrap_or("no text").trim_end()));

    let inner = root.open_dir("INNER")?;
    let large = inner.open_file_in_dir("LARGE.BIN", Mode::ReadOnly)?;
    let (mut place, mut right, mut piece) = (0, true, [0; 1500]);
    while !large.is_eof() {
        let count = large.read(&mut piece)?;
        right &= piece[..count].iter().enumerate().all(|(offset, byte)| *byte == expected(place + offset));
        place += count;
    }
    say(format_args!("INNER/LARGE.BIN has what the host has written: {}", right && place == LARGE));

    let reply = root.open_file_in_dir("REPLY.TXT", Mode::ReadWriteCreateOrTruncate)?;
    reply.write(b"written by the guest\n")?;
    reply.close()?;
    let reply = root.open_file_in_dir("REPLY.TXT", Mode::ReadOnly)?;
    let count = reply.read(&mut text)?;
    say(format_args!("REPLY.TXT is what was written: {}", &text[..count] == b"written by the guest\n"));
    Ok(())
}

/// Who is cancelled in the middle of a request gets its block, and the cancel at the next wait.
fn cancelled(disk: &'static Disk) -> bool {
    static READING: AtomicBool = AtomicBool::new(false);
    let body = move || {
        let mut block = [0; Disk::BLOCK_BYTES];
        READING.store(true, Ordering::Relaxed);
        let read = disk.read(0, &mut block).is_ok() && block[510..] == [0x55, 0xaa];
        read && sleep(Duration::from_secs(1)) == Err(TimeError::Cancelled)
    };
    let reader = Builder::new().worker(current_core()).spawn(body).expect("a stack");
    while !READING.load(Ordering::Relaxed) {
        yield_now();
    }
    reader.cancel();
    reader.join().expect("it returns")
}

/// From all cores at once.
fn many(machine: &Machine, disk: &'static Disk) -> bool {
    const READERS: u64 = 8;
    // The part of the disk that is not in the file system.
    const FIRST: u64 = 64;
    let play = move |reader: u64| {
        (0..20).all(|round| {
            let (block, place) = ([(reader * 20 + round) as u8; Disk::BLOCK_BYTES], FIRST + reader);
            let mut read = [0; Disk::BLOCK_BYTES];
            disk.write(place, &block).is_ok() && disk.read(place, &mut read).is_ok() && read == block
        })
    };
    let place = |reader: u64| Builder::new().worker(reader as usize % machine.cores()).spawn(move || play(reader));
    let readers: Vec<JoinHandle<bool>> = (0..READERS).map(|reader| place(reader).expect("a stack")).collect();
    let all = readers.into_iter().fold(true, |all, reader| all & reader.join().expect("it returns"));
    all && disk.read(disk.blocks(), &mut [0; 512]) == Err(DiskError::OutOfRange)
        && disk.read(0, &mut [0; 100]) == Err(DiskError::OutOfRange)
}
