// SPDX-License-Identifier: BSD-3-Clause
//! What the device tree says of the machine.
//!
//! Parsed before the MMU is on: byte by byte, without atomics. What a tree does not say, or says in a way that is not known
//! here, is an error with a message, never a guess.

mod check;
mod slots;

use core::fmt;
use core::ops::Range;

use fdt_raw::{Fdt, Node};

#[cfg(all(feature = "virtio", target_os = "none", target_arch = "aarch64"))]
pub(crate) use self::slots::Slot;
pub(crate) use self::slots::Slots;
use crate::MAX_CORES;
use crate::table::ADDRESS_BITS;

/// A machine, as far as this crate uses it.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    /// The bank of RAM that the image is in.
    pub(crate) memory: Range<u64>,
    cores: [u64; MAX_CORES],
    /// How many cores the tree lists. It may be more than [`MAX_CORES`].
    pub(crate) listed_cores: usize,
    pub(crate) gic: GicRegisters,
    pub(crate) uart: Range<u64>,
    /// The UART's interrupt, if the tree says one that is shared by all cores.
    pub(crate) uart_interrupt: Option<u32>,
    pub(crate) psci: Option<Conduit>,
    /// The virtual timer's interrupt.
    pub(crate) timer_interrupt: u32,
    pub(crate) arguments: Arguments,
    pub(crate) virtio: Slots,
}

/// What the firmware was told for the program, copied: the tree may lie in memory that the program gets.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    text: [u8; Arguments::MAX_BYTES],
    bytes: usize,
}

impl Arguments {
    const MAX_BYTES: usize = 120;

    /// `None` if they are longer.
    fn new(text: &str) -> Option<Self> {
        let mut arguments = Self { text: [0; Self::MAX_BYTES], bytes: text.len() };
        arguments.text.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(arguments)
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.text[..self.bytes]).unwrap_or_default()
    }
}

/// Where the interrupt controller's registers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GicRegisters {
    V2 { distributor: Range<u64>, interface: Range<u64> },
    V3 { distributor: Range<u64>, redistributors: Range<u64> },
}

/// How the firmware is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduit {
    Hvc,
    Smc,
}

/// Why a tree cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TreeError {
    Missing,
    Broken(check::Fault),
    No(&'static str),
    UnknownGic,
    OutOfReach,
    LongArguments,
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "no device tree: neither in x0 nor at the start of RAM"),
            Self::Broken(why) => write!(f, "the device tree is broken: {why}"),
            Self::No(what) => write!(f, "the device tree has no {what}"),
            Self::UnknownGic => {
                write!(f, "the device tree has no interrupt controller that is known here: GICv2 or GICv3")
            }
            Self::OutOfReach => write!(f, "the device tree has RAM or a device beyond {ADDRESS_BITS} bits of address"),
            Self::LongArguments => {
                write!(f, "the device tree has arguments for the program of more than {} bytes", Arguments::MAX_BYTES)
            }
        }
    }
}

/// The first bytes of a tree: its magic number and its size.
const HEADER_BYTES: usize = 8;
const MAGIC: u32 = 0xd00d_feed;
/// No sane tree is larger; a size beyond that is not one.
const MAX_BYTES: usize = 2 << 20;

/// How large the tree is that begins with `header`, if it is one.
pub(crate) fn size_bytes(header: [u8; HEADER_BYTES]) -> Option<usize> {
    let [magic, size] = [0, 4].map(|at| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    (magic == MAGIC && (HEADER_BYTES..=MAX_BYTES).contains(&(size as usize))).then_some(size as usize)
}

impl Board {
    /// Reads `tree`, for a program whose image is at `image` and whose boot core has the affinity `boot_core`. All of the tree is
    /// looked at first.
    pub(crate) fn parse(tree: &[u8], image: u64, boot_core: u64) -> Result<Self, TreeError> {
        check::check(tree).map_err(TreeError::Broken)?;
        let tree = Fdt::from_bytes(tree).map_err(|_| TreeError::Broken("the parser refuses it"))?;
        let nodes = || tree.all_nodes();
        let with = |names: &'static [&'static str]| nodes().find(|node| is_enabled(node) && is_compatible(node, names));
        let memory = nodes().filter(|node| has_type(node, "memory")).flat_map(|node| ranges(&node));
        let memory = memory.into_iter().find(|bank| bank.contains(&image)).ok_or(TreeError::No("RAM at the image"))?;
        let uart_node = with(&["arm,pl011"]).ok_or(TreeError::No("PL011 UART"))?;
        let uart = ranges(&uart_node).next().ok_or(TreeError::No("PL011 UART"))?;
        let timer = with(&["arm,armv8-timer"]).ok_or(TreeError::No("timer"))?;
        let mut board = Self {
            memory,
            cores: [boot_core; MAX_CORES],
            listed_cores: 1,
            gic: gic(nodes()).ok_or(TreeError::UnknownGic)?,
            uart,
            uart_interrupt: shared_interrupt(&uart_node),
            psci: with(&["arm,psci-0.2", "arm,psci-1.0"]).and_then(|node| conduit(&node)),
            timer_interrupt: virtual_timer(&timer).ok_or(TreeError::No("virtual timer"))?,
            arguments: arguments(nodes()).ok_or(TreeError::LongArguments)?,
            virtio: Slots::of(nodes()),
        };
        let is_out_of_reach = |range: Range<u64>| range.end > 1 << ADDRESS_BITS;
        if board.registers().chain([board.memory.clone()]).any(is_out_of_reach) {
            return Err(TreeError::OutOfReach);
        }
        for affinity in nodes().filter(|node| has_type(node, "cpu")).filter_map(|node| Some(node.reg()?.next()?.address)) {
            board.add_core(affinity);
        }
        Ok(board)
    }

    /// The boot core is listed, too; it is number 0, wherever it stands.
    fn add_core(&mut self, affinity: u64) {
        if affinity == self.cores[0] {
            return;
        }
        if let Some(place) = self.cores.get_mut(self.listed_cores) {
            *place = affinity;
        }
        self.listed_cores += 1;
    }

    /// The affinities of the cores that are used, the boot core first.
    pub(crate) fn cores(&self) -> &[u64] {
        &self.cores[..self.listed_cores.min(MAX_CORES)]
    }

    /// Where devices are that this crate uses.
    pub(crate) fn registers(&self) -> impl Iterator<Item = Range<u64>> {
        let (first, second) = match &self.gic {
            GicRegisters::V2 { distributor, interface } => (distributor, interface),
            GicRegisters::V3 { distributor, redistributors } => (distributor, redistributors),
        };
        [first.clone(), second.clone(), self.uart.clone()].into_iter().chain(self.virtio.registers())
    }
}

fn gic<'a>(mut nodes: impl Iterator<Item = Node<'a>>) -> Option<GicRegisters> {
    const V2: &[&str] = &["arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic"];
    const V3: &[&str] = &["arm,gic-v3"];
    nodes.find_map(|node| {
        let (is_v2, is_v3) = (is_compatible(&node, V2), is_compatible(&node, V3));
        if !is_v2 && !is_v3 {
            return None;
        }
        let mut ranges = ranges(&node);
        let (distributor, other) = (ranges.next()?, ranges.next()?);
        Some(if is_v2 {
            GicRegisters::V2 { distributor, interface: other }
        } else {
            GicRegisters::V3 { distributor, redistributors: other }
        })
    })
}

fn conduit(node: &Node<'_>) -> Option<Conduit> {
    match node.find_property_str("method")? {
        "hvc" => Some(Conduit::Hvc),
        "smc" => Some(Conduit::Smc),
        _ => None,
    }
}

/// Interrupts as a node lists them, three words each: the kind, the number among its kind, flags.
fn interrupt(node: &Node<'_>, index: usize, kind: u32, first_of_kind: u32) -> Option<u32> {
    let interrupts = node.find_property("interrupts")?;
    let mut words = interrupts.as_slice().as_chunks().0.iter().map(|word| u32::from_be_bytes(*word)).skip(3 * index);
    (words.next()? == kind).then_some(words.next()?.checked_add(first_of_kind)?)
}

/// The third of the timer's is the virtual timer's, which each core has for itself.
fn virtual_timer(node: &Node<'_>) -> Option<u32> {
    const PRIVATE: u32 = 1;
    interrupt(node, 2, PRIVATE, 16)
}

/// The first interrupt of a device, if it is one that any core can be given.
fn shared_interrupt(node: &Node<'_>) -> Option<u32> {
    const SHARED: u32 = 0;
    interrupt(node, 0, SHARED, 32)
}

/// What the node "chosen" has for the program: none, if it says nothing.
fn arguments<'a>(mut nodes: impl Iterator<Item = Node<'a>>) -> Option<Arguments> {
    let chosen = nodes.find(|node| node.name() == "chosen");
    Arguments::new(chosen.and_then(|node| node.find_property_str("bootargs")).unwrap_or_default())
}

fn is_compatible(node: &Node<'_>, names: &[&str]) -> bool {
    let Some(property) = node.find_property("compatible") else { return false };
    let mut listed = property.as_slice().split(|byte| *byte == 0);
    listed.any(|listed| names.iter().any(|name| name.as_bytes() == listed))
}

fn is_enabled(node: &Node<'_>) -> bool {
    node.find_property_str("status").is_none_or(|status| matches!(status, "okay" | "ok"))
}

fn has_type(node: &Node<'_>, kind: &str) -> bool {
    node.find_property_str("device_type") == Some(kind)
}

fn ranges<'a>(node: &Node<'a>) -> impl Iterator<Item = Range<u64>> + use<'a> {
    node.reg().into_iter().flatten().filter_map(|one| Some(one.address..one.address.checked_add(one.size?)?))
}

#[cfg(test)]
mod tests;
