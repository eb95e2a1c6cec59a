// SPDX-License-Identifier: BSD-3-Clause
//! The command line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::builder::{PathBufValueParser, TypedValueParser};

use crate::tree::Tree;

/// Where this program's own source was when it was built.
const OWN_SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const AFTER_HELP: &str = "\
A word is a run of ASCII letters, taken as lower case; every other byte ends it.

Every file is read, hidden ones too, and symbolic links are followed: what two paths lead to counts twice. What cannot
be read is named on stderr and counted as unreadable: files that may not be opened or vanish, dangling links, links that
lead back to where they are, and whatever is no regular file (pipes, sockets, devices are never opened).

Ctrl-C ends the count and prints what there is; a second one ends the program. In the simulator the first one does.

With --sim the seed decides which coroutine runs when, on workers that one thread simulates: the same seed over the same
files takes the same way, which the trace hash tells. The files are read for real as their coroutines come to them; what
is in them is not decided by the seed.

Exit code: 0 counted (even if some files were unreadable), 130 interrupted, 2 wrong arguments, 1 anything else.

Example:
  wordfreq --top 3 --workers 2 /usr/share/doc";

/// Counts the words in every file under a directory, one coroutine for each file.
#[derive(Parser)]
#[command(name = "wordfreq", version, after_help = AFTER_HELP)]
pub struct Options {
    /// A directory or a file. Default: this program's own source (else the current directory), without what is in
    /// directories named `.git` and `target`.
    #[arg(value_parser = PathBufValueParser::new().try_map(existing))]
    path: Option<PathBuf>,

    /// Threads that run the coroutines. Default: as many as there are cores, or 2 simulated ones.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,

    /// How many words to print: the most frequent first, equally frequent ones in the order of the alphabet.
    #[arg(long, value_name = "K", default_value_t = 10)]
    pub top: usize,

    /// Count in the simulator, under the schedule of this seed; print its trace hash and the virtual time.
    #[arg(long, value_name = "SEED")]
    pub sim: Option<u64>,

    /// Print one JSON object: {files, unreadable, words, distinct, top: [[word, count], ..]}, and with --sim also
    /// sim: {seed, trace_hash, steps, virtual_ns}.
    #[arg(long)]
    json: bool,
}

/// How the result is printed.
pub enum Format {
    Text,
    Json,
}

impl Options {
    pub fn workers(&self) -> Option<usize> {
        self.workers.map(usize::from)
    }

    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }

    pub fn tree(&self) -> Tree {
        let tree = match &self.path {
            Some(path) => Tree::everything_under(path.clone()),
            None => Tree::source_under(own_source()),
        };
        // The order of a directory's entries is the file system's affair, and no seed would repeat it.
        if self.sim.is_some() { tree.sorted() } else { tree }
    }
}

fn own_source() -> PathBuf {
    Path::new(OWN_SOURCE).canonicalize().unwrap_or_else(|_| PathBuf::from("."))
}

fn existing(path: PathBuf) -> io::Result<PathBuf> {
    fs::metadata(&path).map(|_| path)
}
