// SPDX-License-Identifier: BSD-3-Clause
//! How a dump reads: a tree, the children of a coroutine's scopes below it.

use alloc::vec::Vec;
use core::fmt;

use super::{CoroutineInfo, CoroutineState, Dump, ScopeInfo};

/// Writes what is known of a code address, in a few words without a line break.
pub type ShowAddress<'a> = &'a dyn Fn(usize, &mut fmt::Formatter<'_>) -> fmt::Result;

/// A dump that shows its backtraces by name, see [`Dump::with_symbols`].
#[derive(Clone, Copy)]
pub struct WithSymbols<'a> {
    dump: &'a Dump,
    show: ShowAddress<'a>,
}

impl Dump {
    /// The dump as text in which `show` says what each address of a backtrace stands for. [`Display`](fmt::Display) alone
    /// shows numbers, for the core knows no symbols.
    pub fn with_symbols<'a>(&'a self, show: ShowAddress<'a>) -> WithSymbols<'a> {
        WithSymbols { dump: self, show }
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_symbols(&|address, f| write!(f, "{address:#x}")).fmt(f)
    }
}

impl fmt::Debug for WithSymbols<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dump.fmt(f)
    }
}

impl fmt::Display for WithSymbols<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dump { coroutines, unlisted } = self.dump;
        write!(f, "{} coroutines that have parked, {unlisted} that have not", coroutines.len())?;
        let tree = Tree::of(coroutines);
        // A stack of its own: scopes may be nested deeper than this one is.
        let mut next: Vec<(usize, usize)> = tree.children_of(None).map(|root| (root, 0)).collect();
        next.reverse();
        while let Some((index, depth)) = next.pop() {
            let one = &coroutines[index];
            write_coroutine(f, one, depth, self.show)?;
            let first = next.len();
            next.extend(tree.children_of(Some(one.id)).map(|child| (child, depth + 1)));
            next[first..].reverse();
        }
        Ok(())
    }
}

/// Who is below whom: pairs of a listed parent's number, if there is one, and the index of the child; in order.
struct Tree(Vec<(Option<u64>, usize)>);

impl Tree {
    /// `coroutines` are in the order of their numbers.
    fn of(coroutines: &[CoroutineInfo]) -> Tree {
        let is_listed = |id: &u64| coroutines.binary_search_by_key(id, |one| one.id).is_ok();
        let parent = |one: &CoroutineInfo| one.scope.and_then(|scope| scope.parent).filter(is_listed);
        let mut pairs: Vec<_> = coroutines.iter().enumerate().map(|(index, one)| (parent(one), index)).collect();
        pairs.sort_unstable();
        Tree(pairs)
    }

    fn children_of(&self, parent: Option<u64>) -> impl Iterator<Item = usize> {
        let first = self.0.partition_point(|(of, _)| *of < parent);
        self.0[first..].iter().take_while(move |(of, _)| *of == parent).map(|(_, index)| *index)
    }
}

fn write_coroutine(
    f: &mut fmt::Formatter<'_>,
    one: &CoroutineInfo,
    depth: usize,
    show: ShowAddress<'_>,
) -> fmt::Result {
    let margin = 2 * depth;
    write!(f, "\n{:margin$}coroutine {} ", "", one.id)?;
    if let Some(name) = one.name {
        write!(f, "`{name}` ")?;
    }
    match one.state {
        CoroutineState::Running => write!(f, "runs")?,
        CoroutineState::Ready => write!(f, "is ready")?,
        CoroutineState::Parked { on, waited } => write!(f, "waits for {on}, for {waited:?} now")?,
    }
    write!(f, ", on worker {}, spawned at {}", one.worker, one.spawn_site)?;
    match one.scope {
        Some(ScopeInfo { id, name: Some(name), .. }) => write!(f, ", in scope `{name}` {id}")?,
        Some(ScopeInfo { id, .. }) => write!(f, ", in scope {id}")?,
        None => {}
    }
    for &address in &one.backtrace {
        write!(f, "\n{:margin$}    at ", "")?;
        show(address, f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use core::panic::Location;
    use core::time::Duration;
    use std::string::ToString;
    use std::vec::Vec;

    use super::super::{CoroutineInfo, CoroutineState, Dump, ScopeInfo};
    use crate::task::wait_record::{ScopeId, WaitsFor};

    fn coroutine(id: u64, parent: Option<u64>) -> CoroutineInfo {
        let scope = parent.map(|parent| ScopeInfo {
            id: ScopeId::of(core::ptr::without_provenance::<u8>(0x40)),
            parent: (parent != 0).then_some(parent),
            name: None,
        });
        let (spawn_site, state) = (Location::caller(), CoroutineState::Ready);
        CoroutineInfo { id, name: None, spawn_site, scope, serves: None, worker: 1, state, backtrace: Vec::new() }
    }

    fn dump(coroutines: Vec<CoroutineInfo>) -> Dump {
        Dump { coroutines, unlisted: 2 }
    }

    /// The numbers of the coroutines in the order of the text, each behind its margin.
    fn tree(parents: &[(u64, Option<u64>)]) -> Vec<(usize, u64)> {
        let text = dump(parents.iter().map(|&(id, parent)| coroutine(id, parent)).collect()).to_string();
        let line = |line: &str| {
            let margin = line.find("coroutine ").expect("a line of a coroutine");
            let number = line[margin..].split(' ').nth(1).expect("its number");
            (margin, number.parse().expect("a number"))
        };
        text.lines().skip(1).map(line).collect()
    }

    #[test]
    fn children_stand_below_their_parents_and_all_else_in_the_order_of_numbers() {
        let found = tree(&[(1, Some(5)), (2, None), (3, Some(5)), (4, Some(1)), (5, None), (6, None)]);
        assert_eq!(found, [(0, 2), (0, 5), (2, 1), (4, 4), (2, 3), (0, 6)]);
    }

    #[test]
    fn a_child_whose_parent_is_not_listed_or_is_a_thread_stands_at_the_margin() {
        assert_eq!(tree(&[(1, Some(9)), (2, Some(0))]), [(0, 1), (0, 2)]);
    }

    #[test]
    fn a_deep_tree_needs_no_deep_stack() {
        const DEEP: u64 = 2000;
        let chain: Vec<_> = (1..=DEEP).map(|id| (id, Some(id - 1))).collect();
        assert_eq!(tree(&chain).last(), Some(&(2 * (DEEP as usize - 1), DEEP)));
    }

    #[test]
    fn a_named_scope_is_told_by_its_name_too() {
        let mut child = coroutine(7, Some(0));
        child.scope.as_mut().expect("it has one").name = Some("parsers");
        assert!(dump(std::vec![child]).to_string().ends_with(", in scope `parsers` 0x40"));
    }

    #[test]
    fn an_entry_says_who_what_where_and_shows_addresses_as_it_is_told_to() {
        let mut one = coroutine(7, Some(0));
        one.name = Some("reader");
        one.state = CoroutineState::Parked { on: WaitsFor::Join(3), waited: Duration::from_millis(1500) };
        one.backtrace = std::vec![0x10, 0x20];
        let site = one.spawn_site.to_string();
        let dump = dump(std::vec![one]);
        let named = dump.with_symbols(&|address, f| write!(f, "line {}", address / 16)).to_string();
        let expected = std::format!(
            "1 coroutines that have parked, 2 that have not\n\
             coroutine 7 `reader` waits for the end of coroutine 3, for 1.5s now, on worker 1, spawned at {site}, \
             in scope 0x40\n    at line 1\n    at line 2"
        );
        assert_eq!(named, expected);
        assert!(dump.to_string().ends_with("\n    at 0x10\n    at 0x20"));
    }
}
