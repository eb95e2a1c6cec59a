// SPDX-License-Identifier: BSD-3-Clause
//! Counts words: runs of ASCII letters, as lower case.

use std::cmp::Reverse;
use std::collections::HashMap;

/// How often each word was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordCounts {
    by_word: HashMap<Box<str>, u64>,
}

impl WordCounts {
    /// Counts the words of `text`, which it is free to change. A word must not go on in another text.
    pub fn add_text(&mut self, text: &mut [u8]) {
        text.make_ascii_lowercase();
        for word in text.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
            let word = str::from_utf8(word).expect("letters are ASCII");
            self.add(word, 1);
        }
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: WordCounts) {
        for (word, count) in other.by_word {
            *self.by_word.entry(word).or_default() += count;
        }
    }

    /// How many words there were.
    pub fn words(&self) -> u64 {
        self.by_word.values().sum()
    }

    /// How many different words there were.
    pub fn distinct(&self) -> usize {
        self.by_word.len()
    }

    /// The `limit` most frequent words, equally frequent ones in the order of the alphabet.
    pub fn top(&self, limit: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.by_word.iter().map(|(word, count)| (&**word, *count)).collect();
        all.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
        all.truncate(limit);
        all
    }

    fn add(&mut self, word: &str, count: u64) {
        // Looked up first: most words are known, and a known one needs no copy.
        match self.by_word.get_mut(word) {
            Some(known) => *known += count,
            None => _ = self.by_word.insert(word.into(), count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &[u8]) -> WordCounts {
        let mut counts = WordCounts::default();
        counts.add_text(&mut text.to_vec());
        counts
    }

    #[test]
    fn a_word_is_a_run_of_ascii_letters_in_lower_case() {
        let counts = counted(b"Don't x86_64 DON fn()");
        assert_eq!(counts.top(9), [("don", 2), ("fn", 1), ("t", 1), ("x", 1)]);
    }

    #[test]
    fn bytes_that_are_not_ascii_separate_words() {
        let counts = counted("na\u{ef}ve \u{df}".as_bytes());
        assert_eq!(counts.top(9), [("na", 1), ("ve", 1)]);
        assert_eq!(counted(b"\xff\xfea\x00b\x80").words(), 2);
    }

    #[test]
    fn no_words_in_an_empty_text() {
        assert_eq!(counted(b""), WordCounts::default());
    }

    #[test]
    fn equally_frequent_words_come_in_the_order_of_the_alphabet() {
        let counts = counted(b"pear apple fig apple fig zoo");
        assert_eq!(counts.top(3), [("apple", 2), ("fig", 2), ("pear", 1)]);
        assert_eq!(counts.top(0), []);
    }

    #[test]
    fn merged_counts_are_those_of_the_joined_text() {
        let mut counts = counted(b"a b b");
        counts.merge(counted(b"b c"));
        assert_eq!(counts, counted(b"a b b b c"));
        assert_eq!((counts.words(), counts.distinct()), (5, 3));
    }
}
