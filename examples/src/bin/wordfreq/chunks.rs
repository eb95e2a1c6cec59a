// SPDX-License-Identifier: BSD-3-Clause
//! Cuts a file into chunks that end between words, so that each can be counted without the others.

use std::io::{self, Read};
use std::iter::FusedIterator;
use std::mem;

/// The chunks of `source`: about `size_bytes` each, more only for a word that is longer.
///
/// Ends after the first error.
pub struct Chunks<R> {
    source: Option<R>,
    size_bytes: u64,
    /// The start of a word that the last read cut off.
    begun: Vec<u8>,
}

impl<R: Read> Chunks<R> {
    pub fn new(source: R, size_bytes: u64) -> Self {
        Self { source: Some(source), size_bytes, begun: Vec::new() }
    }

    /// `None` at the end of the source.
    fn read(source: &mut R, size_bytes: u64, begun: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let mut chunk = mem::take(begun);
        loop {
            let known = chunk.len();
            if source.by_ref().take(size_bytes).read_to_end(&mut chunk)? == 0 {
                return Ok(Some(chunk).filter(|rest| !rest.is_empty()));
            }
            // What was known before is letters only: the chunk can end in the new part, or not yet.
            if let Some(last) = chunk[known..].iter().rposition(|byte| !byte.is_ascii_alphabetic()) {
                *begun = chunk.split_off(known + last + 1);
                return Ok(Some(chunk));
            }
        }
    }
}

impl<R: Read> Iterator for Chunks<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = Self::read(self.source.as_mut()?, self.size_bytes, &mut self.begun).transpose();
        if !matches!(chunk, Some(Ok(_))) {
            self.source = None;
        }
        chunk
    }
}

impl<R: Read> FusedIterator for Chunks<R> {}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"one  two-three\nincomprehensibilities, \xff\xfe four";

    fn chunks(text: &[u8], size_bytes: u64) -> Vec<Vec<u8>> {
        Chunks::new(text, size_bytes).map(|chunk| chunk.expect("memory can be read")).collect()
    }

    #[test]
    fn no_byte_is_lost_or_moved_whatever_the_size() {
        for size_bytes in 1..=TEXT.len() as u64 + 1 {
            assert_eq!(chunks(TEXT, size_bytes).concat(), TEXT);
        }
    }

    #[test]
    fn a_chunk_ends_between_words_whatever_the_size() {
        for size_bytes in 1..=TEXT.len() as u64 + 1 {
            let chunks = chunks(TEXT, size_bytes);
            let (_, all_but_last) = chunks.split_last().expect("the text is not empty");
            assert!(all_but_last.iter().all(|chunk| !chunk[chunk.len() - 1].is_ascii_alphabetic()));
        }
    }

    #[test]
    fn a_chunk_is_no_larger_than_asked_but_for_its_longest_word() {
        for chunk in chunks(TEXT, 4) {
            let words = chunk.split(|byte| !byte.is_ascii_alphabetic());
            assert!(chunk.len() <= 2 * 4 + words.map(<[u8]>::len).max().unwrap_or(0));
        }
    }

    #[test]
    fn an_empty_file_has_no_chunk() {
        assert_eq!(chunks(b"", 4), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn an_error_ends_the_chunks() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let outcomes: Vec<_> = Chunks::new(b"whole ".chain(Broken), 6).map(|chunk| chunk.is_ok()).collect();
        assert_eq!(outcomes, [true, false]);
    }
}
