// SPDX-License-Identifier: BSD-3-Clause
//! What an image must not hold, and how large it is: read from the ELF file itself, of which this needs little.

use std::ops::Range;
use std::path::Path;

use super::machine::Machine;
use super::programs::PROGRAMS;
use crate::run::Session;

/// Thread-locals, of which there are none: there are no threads.
const PT_TLS: u32 = 7;
/// Sections that an unwinder reads.
const UNWINDING_SECTIONS: &[&str] = &[".eh_frame", ".eh_frame_hdr", ".gcc_except_table", ".ARM.exidx"];
/// Parts of symbols that a program has only if it has an unwinder, or the standard library: its own names are mangled as
/// length and name.
const FOREIGN_SYMBOLS: &[&str] =
    &["_Unwind_", "__register_frame", "__deregister_frame", "rust_eh_personality", "panic_unwind", "_ZN3std", "_3std"];

/// An image as its headers describe it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Image {
    segments: Vec<u32>,
    /// Names and sizes.
    sections: Vec<(String, u64)>,
    symbols: Vec<String>,
}

/// Checks the images of all programs that have been built for `machine`, and says how large that of `hello` is.
pub fn check_all(session: &mut Session, machine: Machine) {
    let mut checked = 0;
    for name in PROGRAMS.iter().map(|program| program.name) {
        if !machine.image(name).exists() {
            continue;
        }
        checked += 1;
        check(session, name, machine);
    }
    if checked == 0 {
        session.fail("there is no image to check");
    }
    say_size(session, "hello", machine);
}

/// Checks the image of the program `name`, which has been built for `machine`.
pub fn check(session: &mut Session, name: &str, machine: Machine) {
    match faults(&machine.image(name)) {
        Ok(faults) if faults.is_empty() => session.tally.passed += 1,
        Ok(faults) => session.fail(&format!("the image of {name} has {}", faults.join(", "))),
        Err(why) => session.fail(&format!("the image of {name} cannot be read: {why}")),
    }
}

/// Says how large the image of the program `name` is.
pub fn say_size(session: &mut Session, name: &str, machine: Machine) {
    if let Ok(image) = read(&machine.image(name)) {
        let [code, constants, data] = [".text", ".rodata", ".data"].map(|section| image.section_bytes(section));
        let build = if machine.release { "release" } else { "debug" };
        session.say(&format!("{name}, {build}: .text {code} bytes, .rodata {constants}, .data {data}, in whole pages"));
    }
}

/// How much code the program `name` has, in whole pages.
pub fn code_bytes(name: &str, machine: Machine) -> Result<u64, String> {
    Ok(read(&machine.image(name))?.section_bytes(".text"))
}

fn faults(path: &Path) -> Result<Vec<String>, String> {
    Ok(read(path)?.faults())
}

fn read(path: &Path) -> Result<Image, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    Image::parse(&bytes).ok_or_else(|| "it is no ELF file of 64 bits with sections".to_owned())
}

impl Image {
    fn parse(bytes: &[u8]) -> Option<Self> {
        const ELF_64_LITTLE: &[u8] = b"\x7fELF\x02\x01";
        let file = File(bytes.starts_with(ELF_64_LITTLE).then_some(bytes)?);
        let segment_at = |index: u64| Some(file.number::<8>(0x20)? + index * file.number::<2>(0x36)?);
        let segments = (0..file.number::<2>(0x38)?).map(|index| Some(file.number::<4>(segment_at(index)?)? as u32));
        let headers: Vec<_> = (0..file.number::<2>(0x3c)?).map(|index| file.section(index)).collect::<Option<_>>()?;
        let names = headers.get(file.number::<2>(0x3e)? as usize)?;
        let sections = headers.iter().map(|header| Some((file.text(names, header.name)?, header.bytes)));
        let mut symbols = Vec::new();
        for table in headers.iter().filter(|header| header.kind == Header::SYMBOLS) {
            let names = headers.get(table.link as usize)?;
            for at in table.range().step_by(24) {
                symbols.push(file.text(names, file.number::<4>(at)?)?);
            }
        }
        Some(Self { segments: segments.collect::<Option<_>>()?, sections: sections.collect::<Option<_>>()?, symbols })
    }

    fn section_bytes(&self, name: &str) -> u64 {
        self.sections.iter().find(|section| section.0 == name).map_or(0, |section| section.1)
    }

    fn faults(&self) -> Vec<String> {
        let thread_locals = self.segments.contains(&PT_TLS).then(|| "a segment of thread-locals".to_owned());
        let is_foreign = |name: &&String| FOREIGN_SYMBOLS.iter().any(|part| name.contains(part));
        let sections = self.sections.iter().filter(|(name, _)| UNWINDING_SECTIONS.contains(&name.as_str()));
        let sections = sections.map(|(name, _)| format!("the section {name}"));
        let symbols = self.symbols.iter().filter(is_foreign).map(|name| format!("the symbol {name}"));
        let no_symbols = self.symbols.is_empty().then(|| "no symbols to check".to_owned());
        thread_locals.into_iter().chain(sections).chain(symbols).chain(no_symbols).collect()
    }
}

/// What a section's header says.
struct Header {
    name: u64,
    kind: u64,
    at: u64,
    bytes: u64,
    link: u64,
}

impl Header {
    const SYMBOLS: u64 = 2;

    fn range(&self) -> Range<u64> {
        self.at..self.at + self.bytes
    }
}

struct File<'a>(&'a [u8]);

impl File<'_> {
    fn number<const BYTES: usize>(&self, at: u64) -> Option<u64> {
        let bytes: [u8; BYTES] = self.0.get(at as usize..)?.get(..BYTES)?.try_into().ok()?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn section(&self, index: u64) -> Option<Header> {
        let at = self.number::<8>(0x28)? + index * self.number::<2>(0x3a)?;
        Some(Header {
            name: self.number::<4>(at)?,
            kind: self.number::<4>(at + 4)?,
            at: self.number::<8>(at + 0x18)?,
            bytes: self.number::<8>(at + 0x20)?,
            link: self.number::<4>(at + 0x28)?,
        })
    }

    fn text(&self, names: &Header, offset: u64) -> Option<String> {
        let rest = self.0.get((names.at + offset) as usize..)?;
        Some(String::from_utf8_lossy(rest.split(|byte| *byte == 0).next()?).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This very test is a program with threads, an unwinder and the standard library.
    #[test]
    fn a_program_for_an_operating_system_has_all_that_is_looked_for() {
        let faults = faults(&std::env::current_exe().unwrap()).unwrap();
        for wanted in ["a segment of thread-locals", "the section .eh_frame", "_Unwind_", "std"] {
            assert!(faults.iter().any(|fault| fault.contains(wanted)), "{wanted} in {} faults", faults.len());
        }
    }

    #[test]
    fn what_is_no_image_is_told() {
        assert_eq!(Image::parse(b"#!/bin/sh"), None);
        assert_eq!(Image::parse(&[b"\x7fELF\x02\x01".as_slice(), &[0; 40]].concat()), None);
    }
}
