// SPDX-License-Identifier: BSD-3-Clause
//! How a program and its device tree get into memory: as the emulator does it, or, to see what a program says to bad firmware,
//! by a firmware of our own, of five instructions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::machine::Machine;
use crate::run::{stdout_of, target_dir};

/// See the [module](self).
#[derive(Clone, Copy)]
pub enum Boot {
    /// The emulator puts the device tree at the start of RAM and says so nowhere.
    Kernel,
    /// That tree is changed and lies elsewhere, where the firmware says.
    Garbled(fn(&mut [u8])),
    /// There is none at the start of RAM, and the firmware gives this address.
    NoTree { address: u64 },
    /// It is at the start of RAM, and the firmware gives this address.
    StrayAddress { address: u64 },
}

/// Where the emulator puts the device tree.
const RAM: u64 = 0x4000_0000;
/// Where we put one: behind all images, in 128 MiB.
const TREE: u64 = 0x4700_0000;
const FIRMWARE: u64 = 0x4780_0000;
/// A word of RAM that nobody reads.
const NOTHING: u64 = 0x4790_0000;

impl Boot {
    /// Says to the emulator what to load.
    pub fn tell(self, command: &mut Command, machine: Machine, program: &str) -> io::Result<()> {
        let image = machine.image(program);
        let (address, erased) = match self {
            Self::Kernel => {
                command.arg("-kernel").arg(image);
                return Ok(());
            }
            Self::Garbled(garble) => {
                let mut tree = tree_of(machine)?;
                garble(&mut tree);
                load(command, &file(program, "tree", &tree)?, TREE, "");
                (TREE, RAM)
            }
            Self::NoTree { address } => (address, RAM),
            Self::StrayAddress { address } => (address, NOTHING),
        };
        let firmware = firmware(address, erased, entry_of(&fs::read(&image)?));
        load(command, &file(program, "firmware", &firmware)?, FIRMWARE, ",cpu-num=0");
        command.arg("-device").arg(format!("loader,file={}", image.display()));
        Ok(())
    }
}

fn load(command: &mut Command, file: &Path, address: u64, more: &str) {
    command.arg("-device").arg(format!("loader,file={},addr={address:#x},force-raw=on{more}", file.display()));
}

fn file(program: &str, what: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let directory = target_dir().join("xtask");
    fs::create_dir_all(&directory)?;
    let path = directory.join(format!("{program}.{what}"));
    fs::write(&path, bytes)?;
    Ok(path)
}

/// The device tree that the emulator makes for `machine`.
fn tree_of(machine: Machine) -> io::Result<Vec<u8>> {
    let path = file("machine", "tree", &[])?;
    let mut command = machine.emulator();
    command.arg("-machine").arg(format!("dumpdtb={}", path.display()));
    stdout_of(command).ok_or_else(|| io::Error::other("the emulator does not say what its device tree is"))?;
    fs::read(path)
}

/// Erases a word, and starts the program with an address in its first register.
fn firmware(tree: u64, erased: u64, entry: u64) -> Vec<u8> {
    const NOTHING_TO_DO: u32 = 0xd503_201f;
    let code: [u32; 8] = [
        0x5800_0100, // ldr x0, tree
        0x5800_0121, // ldr x1, erased
        0xf900_003f, // str xzr, [x1]
        0x5800_0121, // ldr x1, entry
        0xd61f_0020, // br x1
        NOTHING_TO_DO,
        NOTHING_TO_DO,
        NOTHING_TO_DO,
    ];
    let words = [tree, erased, entry].into_iter().flat_map(u64::to_le_bytes);
    code.into_iter().flat_map(u32::to_le_bytes).chain(words).collect()
}

/// Where an ELF file of 64 bits begins to run.
fn entry_of(image: &[u8]) -> u64 {
    u64::from_le_bytes(image[24..32].try_into().expect("eight bytes"))
}
