// SPDX-License-Identifier: BSD-3-Clause
//! Runs of pages: which are taken. A bit for each, so that it needs no memory but its own.

/// As many pages as `WORDS` words have bits.
pub(crate) struct Runs<const WORDS: usize> {
    taken: [u64; WORDS],
    pages: usize,
    /// Below this page nothing is free.
    first_free: usize,
}

impl<const WORDS: usize> Runs<WORDS> {
    /// No page at all.
    pub(crate) const fn new() -> Self {
        Self { taken: [0; WORDS], pages: 0, first_free: 0 }
    }

    /// There are `pages`, all of them free.
    pub(crate) fn provide(&mut self, pages: usize) {
        self.pages = pages.min(WORDS * 64);
    }

    /// Takes the lowest run of `count` pages that is free; the number of its first.
    pub(crate) fn take(&mut self, count: usize) -> Option<usize> {
        let mut start = self.first_free;
        loop {
            start = self.next(start, self.pages, |word| !word)?;
            if self.pages - start < count {
                return None;
            }
            match self.next(start, start + count, |word| word) {
                Some(taken) => start = taken,
                None => break,
            }
        }
        (start..start + count).for_each(|page| self.taken[page / 64] |= 1 << (page % 64));
        if start == self.first_free {
            self.first_free = start + count;
        }
        Some(start)
    }

    /// Gives a run back, or a part of one.
    pub(crate) fn give(&mut self, start: usize, count: usize) {
        for page in start..start + count {
            debug_assert!(self.is_taken(page), "page {page} is given back once");
            self.taken[page / 64] &= !(1 << (page % 64));
        }
        self.first_free = self.first_free.min(start);
    }

    /// The first page from `from` on and before `end` whose bit is set in what `of` makes of its word: a word at a time, for
    /// thousands of pages may be taken.
    fn next(&self, from: usize, end: usize, of: impl Fn(u64) -> u64) -> Option<usize> {
        let (mut index, mut skipped) = (from / 64, u64::MAX << (from % 64));
        while index * 64 < end {
            let found = of(self.taken[index]) & skipped;
            if found != 0 {
                return Some(index * 64 + found.trailing_zeros() as usize).filter(|page| *page < end);
            }
            (index, skipped) = (index + 1, u64::MAX);
        }
        None
    }

    fn is_taken(&self, page: usize) -> bool {
        self.taken[page / 64] & 1 << (page % 64) != 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::vec::Vec;

    use super::Runs;

    fn runs(pages: usize) -> Runs<4> {
        let mut runs = Runs::new();
        runs.provide(pages);
        runs
    }

    #[test]
    fn the_lowest_run_that_is_large_enough_is_taken() {
        let mut runs = runs(200);
        assert_eq!((runs.take(5), runs.take(70), runs.take(3)), (Some(0), Some(5), Some(75)));
        runs.give(0, 5);
        assert_eq!((runs.take(6), runs.take(2), runs.take(3)), (Some(78), Some(0), Some(2)));
        assert_eq!(runs.take(200), None);
    }

    #[test]
    fn nothing_is_had_where_nothing_is() {
        assert_eq!(Runs::<4>::new().take(1), None);
        let mut runs = runs(10);
        assert_eq!(runs.take(11), None);
        assert_eq!((runs.take(10), runs.take(1)), (Some(0), None));
        runs.give(9, 1);
        assert_eq!((runs.take(2), runs.take(1)), (None, Some(9)));
    }

    /// Whatever is taken and given back in whatever order, no page has two owners and none is lost.
    #[test]
    fn no_page_has_two_owners_and_none_is_lost() {
        let (mut runs, mut owned, mut random) = (runs(256), BTreeMap::new(), 1u64);
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let count = 1 + (random >> 33) as usize % 9;
            if random >> 63 == 0 {
                let taken = runs.take(count);
                let fits = |start: usize| (start..start + count).all(|page| page < 256 && !is_owned(&owned, page));
                assert_eq!(taken, (0..256).find(|start| fits(*start)));
                taken.map(|start| owned.insert(start, count));
            } else if let Some((start, count)) = owned.iter().nth(count).map(|(start, count)| (*start, *count)) {
                runs.give(start, count);
                owned.remove(&start);
            }
        }
        owned.iter().for_each(|(start, count)| runs.give(*start, *count));
        assert_eq!(runs.take(256), Some(0));
    }

    fn is_owned(owned: &BTreeMap<usize, usize>, page: usize) -> bool {
        let below: Vec<_> = owned.range(..=page).next_back().into_iter().collect();
        below.iter().any(|(start, count)| page < **start + **count)
    }
}
