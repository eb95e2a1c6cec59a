// SPDX-License-Identifier: BSD-3-Clause
//! Whether the bytes of a device tree are one, from the first to the last. The parser trusts what it is given: some garbled
//! trees make it panic, and of others it silently gives a part.

/// The version of the format that this reads: each header since the year 2005 has it.
const VERSION: u32 = 17;
const HEADER_WORDS: usize = 10;
/// How deep nodes may be nested: the parser's own limit.
const MAX_DEPTH: usize = 15;
/// Of an address or a size. No bus has more.
const MAX_CELLS: u32 = 4;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;

/// What is wrong with a tree, in words that go on after "the device tree is broken: ".
pub(super) type Fault = &'static str;

/// Looks at all of `tree`.
pub(super) fn check(tree: &[u8]) -> Result<(), Fault> {
    let header = tree.get(..4 * HEADER_WORDS).ok_or("it ends in its header")?;
    let field = |index: usize| word(header, 4 * index).map(|word| word as usize);
    let [magic, total, structure_at, strings_at, _, version, compatible, _, strings_bytes, structure_bytes] =
        core::array::from_fn(|index| field(index).unwrap_or(0));
    if magic as u32 != super::MAGIC {
        return Err("it does not begin as one");
    }
    let tree = tree.get(..total).ok_or("it is shorter than its header says")?;
    if (version as u32) < VERSION || compatible as u32 > VERSION {
        return Err("its format is too old, or too new");
    }
    let part = |at: usize, bytes: usize| tree.get(at..at.checked_add(bytes)?);
    let structure = part(structure_at, structure_bytes).filter(|_| structure_at.is_multiple_of(4));
    let structure = structure.ok_or("its nodes are not where its header says")?;
    let strings = part(strings_at, strings_bytes).ok_or("its names are not where its header says")?;
    // So each name in it ends, wherever it begins.
    if !strings.is_ascii() || strings.last().is_some_and(|last| *last != 0) {
        return Err("its names are no text");
    }
    Walk { structure, strings, at: 0, depth: 0 }.all()
}

/// On the way through the nodes.
struct Walk<'a> {
    structure: &'a [u8],
    strings: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn all(mut self) -> Result<(), Fault> {
        let (mut roots, mut may_have_properties) = (0, false);
        loop {
            match self.word()? {
                BEGIN_NODE => {
                    roots += usize::from(self.depth == 0);
                    self.depth += 1;
                    if self.depth > MAX_DEPTH || roots > 1 {
                        return Err("its nodes are nested too deep, or it has two roots");
                    }
                    self.node_name()?;
                    may_have_properties = true;
                }
                END_NODE => {
                    self.depth = self.depth.checked_sub(1).ok_or("a node ends that has not begun")?;
                    may_have_properties = false;
                }
                PROPERTY if may_have_properties => self.property()?,
                PROPERTY => return Err("a property is in no node, or comes after the node's inner nodes"),
                NOP => {}
                END if self.depth == 0 && roots == 1 => return Ok(()),
                END => return Err("it ends inside of a node"),
                _ => return Err("something is neither a node nor a property"),
            }
        }
    }

    fn word(&mut self) -> Result<u32, Fault> {
        let word = word(self.structure, self.at).ok_or("its nodes have no end")?;
        self.at += 4;
        Ok(word)
    }

    /// So many bytes, and those up to the next word.
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let bytes = self.structure.get(self.at..).and_then(|rest| rest.get(..count));
        self.at += count.next_multiple_of(4);
        bytes.ok_or("a property is longer than the tree")
    }

    fn node_name(&mut self) -> Result<(), Fault> {
        const NO_END: Fault = "a node's name has no end";
        let rest = self.structure.get(self.at..).ok_or(NO_END)?;
        let length = rest.iter().position(|byte| *byte == 0).ok_or(NO_END)?;
        self.bytes(length + 1)?.is_ascii().then_some(()).ok_or("a node's name is no text")
    }

    fn property(&mut self) -> Result<(), Fault> {
        let (count, name_at) = (self.word()? as usize, self.word()? as usize);
        let names = self.strings.get(name_at..).filter(|names| !names.is_empty());
        let name = names.and_then(|names| names.split(|byte| *byte == 0).next());
        let name = name.ok_or("a property's name is not among the names")?;
        let value = self.bytes(count)?;
        if matches!(name, b"#address-cells" | b"#size-cells") && !matches!(word(value, 0), Some(0..=MAX_CELLS)) {
            return Err("addresses or sizes have no sane number of cells");
        }
        Ok(())
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
