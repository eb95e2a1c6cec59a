// SPDX-License-Identifier: BSD-3-Clause
//! Which files there are, and opening one.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

/// What version control and builds leave behind is nobody's words.
const NOT_SOURCE: &[&str] = &[".git", "target"];

/// A directory with all below it, or one file.
pub struct Tree {
    root: PathBuf,
    left_out: &'static [&'static str],
    order: Order,
}

/// In which order its files come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The file system's.
    Any,
    /// That of their names.
    Sorted,
}

impl Tree {
    pub fn everything_under(root: PathBuf) -> Self {
        Self { root, left_out: &[], order: Order::Any }
    }

    /// Without directories that hold no source.
    pub fn source_under(root: PathBuf) -> Self {
        Self { root, left_out: NOT_SOURCE, order: Order::Any }
    }

    /// The same, with its files in the order of their names.
    pub fn sorted(self) -> Self {
        Self { order: Order::Sorted, ..self }
    }

    /// All but directories; an error for each path that leads nowhere.
    pub fn files(&self) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
        let walk = WalkDir::new(&self.root).follow_links(true);
        let walk = if self.order == Order::Sorted { walk.sort_by_file_name() } else { walk };
        let entries = walk.into_iter();
        let wanted = entries.filter_entry(|entry| !self.is_left_out(entry));
        wanted.filter(|entry| entry.as_ref().map_or(true, |entry| !entry.file_type().is_dir()))
    }

    fn is_left_out(&self, entry: &DirEntry) -> bool {
        let named = |name: &&str| OsStr::new(name) == entry.file_name();
        entry.depth() > 0 && entry.file_type().is_dir() && self.left_out.iter().any(named)
    }
}

/// Opens a regular file for reading.
///
/// Nothing else is opened: a pipe without a writer would block for ever, and opening a device may do anything. Should the
/// file turn into a pipe after the check, `O_NONBLOCK` makes reading it end.
pub fn open_regular(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tree: &Tree) -> Vec<String> {
        let files = tree.files().map(|file| file.expect("it is there").file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = files.collect();
        names.sort();
        names
    }

    #[test]
    fn source_is_all_but_directories_of_version_control_and_builds() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().join("target");
        for directory in [".git", "target", "src/target", "src/.hidden"] {
            fs::create_dir_all(root.join(directory)).unwrap();
            fs::write(root.join(directory).join(directory.replace('/', "-")), "").unwrap();
        }
        fs::write(root.join("src/.git"), "a file of this name is none of these directories").unwrap();

        assert_eq!(names(&Tree::source_under(root.clone())), [".git", "src-.hidden"]);
        assert_eq!(names(&Tree::everything_under(root)), [".git", ".git", "src-.hidden", "src-target", "target"]);
    }

    #[test]
    fn nothing_but_regular_files_is_opened() {
        for other in ["/", "/dev/null"] {
            assert_eq!(open_regular(Path::new(other)).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
