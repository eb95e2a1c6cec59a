// SPDX-License-Identifier: BSD-3-Clause
//! The disk of the program `fat`: a table with one partition, and in it a file system with two files.

use std::io::{self, Cursor, Write};

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};

const BLOCK_BYTES: usize = 512;
/// Where the partition begins.
const FIRST_BLOCK: usize = 128;
const PARTITION_BLOCKS: usize = 16 * 1024;
/// A partition with a FAT of 16 bits.
const KIND: u8 = 0x06;

/// How many bytes the large file has, and which: as in qemu/src/bin/fat.rs.
const LARGE: usize = 100_000;

pub fn fat() -> io::Result<Vec<u8>> {
    let mut disk = vec![0; (FIRST_BLOCK + PARTITION_BLOCKS) * BLOCK_BYTES];
    let (table, partition) = disk.split_at_mut(FIRST_BLOCK * BLOCK_BYTES);
    let entry = &mut table[446..462];
    entry[4] = KIND;
    entry[8..12].copy_from_slice(&(FIRST_BLOCK as u32).to_le_bytes());
    entry[12..16].copy_from_slice(&(PARTITION_BLOCKS as u32).to_le_bytes());
    table[510..512].copy_from_slice(&[0x55, 0xaa]);

    let format = FormatVolumeOptions::new().fat_type(FatType::Fat16).bytes_per_cluster(1024);
    fatfs::format_volume(Cursor::new(&mut *partition), format)?;
    let volume = FileSystem::new(Cursor::new(partition), FsOptions::new())?;
    let root = volume.root_dir();
    root.create_file("README.TXT")?.write_all(b"a file that the host has made\n")?;
    let large: Vec<u8> = (0..LARGE).map(|place| (place * place % 251) as u8).collect();
    root.create_dir("INNER")?.create_file("LARGE.BIN")?.write_all(&large)?;
    drop(root);
    volume.unmount()?;
    Ok(disk)
}
