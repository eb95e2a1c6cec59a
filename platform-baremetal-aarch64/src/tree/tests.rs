// SPDX-License-Identifier: BSD-3-Clause
//! Trees as QEMU makes them, less what nobody reads here, and trees that are wrong.

use std::string::ToString;
use std::vec::Vec;

use super::*;

/// Writes a tree in the form that firmware hands over.
#[derive(Default)]
struct Writer {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl Writer {
    fn word(&mut self, word: u32) {
        self.structure.extend(word.to_be_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    fn node(mut self, name: &str, properties: &[(&str, &[u8])], inner: impl FnOnce(Self) -> Self) -> Self {
        self.word(1);
        self.text(&[name.as_bytes(), &[0]].concat());
        for (name, value) in properties {
            self.word(3);
            self.word(value.len() as u32);
            self.word(self.strings.len() as u32);
            self.strings.extend([name.as_bytes(), &[0]].concat());
            self.text(value);
        }
        let mut all = inner(self);
        all.word(2);
        all
    }

    fn leaf(self, name: &str, properties: &[(&str, &[u8])]) -> Self {
        self.node(name, properties, |all| all)
    }

    fn finish(mut self) -> Vec<u8> {
        const HEADER: u32 = 40;
        self.word(9);
        let (structure, strings) = (self.structure.len() as u32, self.strings.len() as u32);
        // An empty list of reservations comes first.
        let at = HEADER + 16;
        let header = [MAGIC, at + structure + strings, at, at + structure, HEADER, 17, 16, 0, strings, structure];
        let header = header.iter().flat_map(|word| word.to_be_bytes());
        header.chain([0; 16]).chain(self.structure).chain(self.strings).collect()
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

const IMAGE: u64 = 0x4020_0000;
const V2: &[u8] = b"arm,cortex-a15-gic\0";
const V3: &[u8] = b"arm,gic-v3\0";

/// The machine `virt` with so many cores.
fn virt(cores: u32, gic: &[u8], method: &[u8]) -> Vec<u8> {
    virt_told(cores, gic, method, b"\0")
}

/// The same with arguments for the program.
fn virt_told(cores: u32, gic: &[u8], method: &[u8], told: &[u8]) -> Vec<u8> {
    let cells: [(&str, &[u8]); 2] = [("#address-cells", &[0, 0, 0, 2]), ("#size-cells", &[0, 0, 0, 2])];
    let all = Writer::default().node("", &cells, |all| {
        let memory = words(&[0, 0x4000_0000, 0, 0x800_0000]);
        let secure: [(&str, &[u8]); 3] =
            [("compatible", b"arm,pl011\0"), ("reg", &words(&[0, 0x904_0000, 0, 0x1000])), ("status", b"disabled\0")];
        let (uart, shared) = (words(&[0, 0x900_0000, 0, 0x1000]), words(&[0, 1, 4]));
        let timer = words(&[1, 13, 0x104, 1, 14, 0x104, 1, 11, 0x104, 1, 10, 0x104]);
        let gic_at = words(&[0, 0x800_0000, 0, 0x1_0000, 0, 0x80a_0000, 0, 0xf6_0000]);
        all.leaf("memory@40000000", &[("device_type", b"memory\0"), ("reg", &memory)])
            .leaf("chosen", &[("bootargs", told)])
            .leaf("pl011@9040000", &secure)
            .leaf("pl011@9000000", &[("compatible", b"arm,pl011\0arm,primecell\0"), ("reg", &uart), ("interrupts", &shared)])
            .leaf("psci", &[("compatible", b"arm,psci-1.0\0arm,psci-0.2\0"), ("method", method)])
            .leaf("timer", &[("compatible", b"arm,armv8-timer\0arm,armv7-timer\0"), ("interrupts", &timer)])
            .leaf("intc@8000000", &[("compatible", gic), ("reg", &gic_at)])
            .node("cpus", &[("#address-cells", &[0, 0, 0, 1]), ("#size-cells", &[0; 4])], |mut all| {
                for core in 0..cores {
                    all = all.leaf("cpu", &[("device_type", b"cpu\0"), ("reg", &words(&[core]))]);
                }
                all
            })
    });
    all.finish()
}

#[test]
fn a_tree_says_what_the_machine_is() {
    let board = Board::parse(&virt(4, V3, b"hvc\0"), IMAGE, 0).unwrap();
    assert_eq!((board.memory.start, board.memory.end), (0x4000_0000, 0x4800_0000));
    assert_eq!((board.cores(), board.listed_cores), (&[0, 1, 2, 3][..], 4));
    assert_eq!((board.uart.start, board.timer_interrupt), (0x900_0000, 27), "the UART that is not disabled");
    assert_eq!(board.uart_interrupt, Some(33));
    assert_eq!(board.psci, Some(Conduit::Hvc));
    let expected = GicRegisters::V3 { distributor: 0x800_0000..0x801_0000, redistributors: 0x80a_0000..0x900_0000 };
    assert_eq!(board.gic, expected);
    assert_eq!(board.registers().collect::<Vec<_>>(), [0x800_0000..0x801_0000, 0x80a_0000..0x900_0000, 0x900_0000..0x900_1000]);
    let board = Board::parse(&virt(1, V2, b"smc\0"), IMAGE, 0).unwrap();
    assert!(matches!(board.gic, GicRegisters::V2 { .. }));
    assert_eq!((board.psci, board.cores()), (Some(Conduit::Smc), &[0][..]));
}

#[test]
fn the_boot_core_is_number_0_wherever_it_stands() {
    let board = Board::parse(&virt(4, V3, b"hvc\0"), IMAGE, 2).unwrap();
    assert_eq!(board.cores(), [2, 0, 1, 3]);
}

#[test]
fn cores_beyond_the_most_are_counted_and_not_used() {
    let board = Board::parse(&virt(MAX_CORES as u32 + 3, V3, b"hvc\0"), IMAGE, 0).unwrap();
    assert_eq!((board.cores().len(), board.listed_cores), (MAX_CORES, MAX_CORES + 3));
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let error = |tree: &[u8], image| Board::parse(tree, image, 0).unwrap_err().to_string();
    assert!(error(&virt(1, b"arm,gic-v9\0", b"hvc\0"), IMAGE).contains("no interrupt controller that is known"));
    assert!(error(&virt(1, V3, b"hvc\0"), 0x9000_0000).contains("no RAM at the image"));
    let empty = Writer::default().leaf("", &[]).finish();
    assert!(error(&empty, IMAGE).contains("no RAM"));
    assert!(error(&[0; 64], IMAGE).contains("broken"));
    assert!(TreeError::Missing.to_string().contains("no device tree"));
    assert_eq!(Board::parse(&virt(2, V3, b"telepathy\0"), IMAGE, 0).unwrap().psci, None);
}

#[test]
fn a_tree_that_breaks_off_is_refused() {
    let tree = virt(2, V3, b"hvc\0");
    for length in 0..tree.len() {
        let parsed = Board::parse(&tree[..length], IMAGE, 0);
        assert!(matches!(parsed, Err(TreeError::Broken(_))), "{length} of {} bytes are no tree", tree.len());
    }
}

/// The parser panics on some of these where nobody looks at them first.
#[test]
fn a_garbled_tree_is_refused_or_read_and_never_a_panic() {
    let tree = virt(2, V3, b"hvc\0");
    let mut refused = 0;
    for at in 0..tree.len() {
        for mask in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff] {
            let mut garbled = tree.clone();
            garbled[at] ^= mask;
            refused += usize::from(Board::parse(&garbled, IMAGE, 0).is_err());
        }
    }
    assert!(refused > tree.len(), "{refused} were refused");
}

#[test]
fn what_breaks_a_tree_is_named() {
    let tree = virt(1, V3, b"hvc\0");
    let broken = |at: usize, word: u32| {
        let mut garbled = tree.clone();
        garbled[at..at + 4].copy_from_slice(&word.to_be_bytes());
        Board::parse(&garbled, IMAGE, 0).unwrap_err().to_string()
    };
    assert!(broken(4, 1 << 20).ends_with("broken: it is shorter than its header says"));
    assert!(broken(8, u32::MAX - 3).contains("its nodes are not where"));
    assert!(broken(12, u32::MAX).contains("its names are not where"));
    assert!(broken(20, 16).contains("too old"));
    const END_OF_TREE: u32 = 9;
    // The root begins behind header and reservations.
    const ROOT: usize = 56;
    assert!(broken(ROOT, END_OF_TREE).contains("ends inside of a node"), "{}", broken(ROOT, END_OF_TREE));
    assert!(broken(ROOT, 77).contains("neither a node nor a property"));
    assert!(broken(ROOT + 8 + 4, u32::MAX).contains("longer than the tree"));
    assert!(broken(ROOT + 8 + 8, u32::MAX).contains("not among the names"));
    assert!(broken(ROOT + 8 + 12, 255).contains("number of cells"));
}

#[test]
fn what_the_program_is_told_is_copied_or_refused_as_too_long() {
    let told = |text: &[u8]| Board::parse(&virt_told(1, V3, b"hvc\0", text), IMAGE, 0);
    assert_eq!(told(b"rounds=3 fast\0").unwrap().arguments.as_str(), "rounds=3 fast");
    assert_eq!(told(b"\0").unwrap().arguments.as_str(), "");
    assert!(told(&[&[b'a'; 120][..], &[0]].concat()).is_ok());
    assert!(told(&[&[b'a'; 121][..], &[0]].concat()).unwrap_err().to_string().contains("more than 120 bytes"));
}

#[test]
fn a_header_is_told_by_its_magic_number_and_a_sane_size() {
    let tree = virt(1, V3, b"hvc\0");
    let header = |tree: &[u8]| size_bytes(tree[..8].try_into().unwrap());
    assert_eq!(header(&tree), Some(tree.len()));
    assert_eq!(header(&[0; 8]), None);
    assert_eq!(header(&[MAGIC.to_be_bytes(), u32::MAX.to_be_bytes()].concat()), None);
}
