// SPDX-License-Identifier: BSD-3-Clause
//! A tree of known text, and what is in it by the plainest code.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Larger than a chunk, so that chunks end inside of words.
const LARGE_FILE_BYTES: usize = 300_000;

/// Directories in directories; files small, empty, large, not UTF-8, hidden.
pub fn tree_of_text() -> TempDir {
    let tree = TempDir::new().unwrap();
    let mut directory = tree.path().to_owned();
    let mut random = 1;
    for depth in 0..4 {
        for number in 0..30 {
            fs::write(directory.join(format!("file-{number}")), text(&mut random, number * 50)).unwrap();
        }
        fs::write(directory.join(".large"), text(&mut random, LARGE_FILE_BYTES)).unwrap();
        directory.push(format!("level-{depth}"));
        fs::create_dir(&directory).unwrap();
    }
    tree
}

/// Bytes of all kinds, mostly letters of a small alphabet, so that words repeat.
fn text(random: &mut u32, bytes: usize) -> Vec<u8> {
    let mut byte = || {
        *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let high = (*random >> 24) as u8;
        if high < 40 { high.wrapping_mul(37) } else { b"abAB"[usize::from(high % 4)] }
    };
    (0..bytes).map(|_| byte()).collect()
}

/// What the program should print for all words, by the plainest code.
pub fn naive_count(directory: &Path) -> Value {
    let mut files = 0;
    let mut by_word: HashMap<String, u64> = HashMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
                continue;
            }
            files += 1;
            let mut word = String::new();
            for byte in fs::read(entry.path()).unwrap().into_iter().chain([b' ']) {
                if byte.is_ascii_alphabetic() {
                    word.push(char::from(byte.to_ascii_lowercase()));
                } else if !word.is_empty() {
                    *by_word.entry(std::mem::take(&mut word)).or_default() += 1;
                }
            }
        }
    }
    let mut top: Vec<_> = by_word.iter().collect();
    top.sort_by(|(word, count), (other, others)| others.cmp(count).then(word.cmp(other)));
    let words: u64 = by_word.values().sum();
    json!({"files": files, "unreadable": 0, "words": words, "distinct": by_word.len(), "top": top})
}
