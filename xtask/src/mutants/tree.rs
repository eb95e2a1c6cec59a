// SPDX-License-Identifier: BSD-3-Clause
//! The scratch tree: a copy of the checkout, in which mutants are made and undone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::patch::Mutant;
use crate::run::{command, root};

/// See the module. What was in the checkout at the start is what every mutant is made of: an edit meanwhile changes
/// nothing.
pub struct Tree {
    /// The scratch tree.
    pub path: PathBuf,
    /// Where it is built.
    pub build: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// Locked for as long as the tree is used: two runs in one tree would try each other's mutants.
    _lock: File,
}

impl Tree {
    /// Reads the checkout, with what is not committed yet; writes no file of it until [`Tree::restore`].
    pub fn make(scratch: &Path) -> Result<Tree, String> {
        let mut files = BTreeMap::new();
        for path in known_files()? {
            // A deleted file is listed until its deletion is committed.
            if let Ok(bytes) = fs::read(root().join(&path)) {
                files.insert(path, bytes);
            }
        }
        Tree::of(scratch, files)
    }

    fn of(scratch: &Path, files: BTreeMap<PathBuf, Vec<u8>>) -> Result<Tree, String> {
        let lock = fs::create_dir_all(scratch).and_then(|()| File::create(scratch.join("lock")));
        let lock = lock.map_err(|error| format!("{}: {error}", scratch.display()))?;
        lock.try_lock().map_err(|_| format!("another run of mutants uses {}", scratch.display()))?;
        Ok(Tree { path: scratch.join("tree"), build: scratch.join("build"), files, _lock: lock })
    }

    /// Makes the scratch tree what the checkout was. Files that are right are not touched, so they need no new build.
    pub fn restore(&self) -> Result<(), String> {
        self.remove_others(&self.path)?;
        for (path, bytes) in &self.files {
            let path = self.path.join(path);
            if fs::read(&path).is_ok_and(|there| there == *bytes) {
                continue;
            }
            let written = fs::create_dir_all(path.with_file_name("")).and_then(|()| fs::write(&path, bytes));
            written.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// Removes what a test or a patch has left: a regression file would change the next run.
    fn remove_others(&self, directory: &Path) -> Result<(), String> {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.remove_others(&path)?;
            } else if path.strip_prefix(&self.path).is_ok_and(|name| !self.files.contains_key(name)) {
                fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Makes the tree the mutant.
    pub fn apply(&self, mutant: &Mutant) -> Result<(), String> {
        let mut git = command("git", "apply");
        git.arg(mutant.path_in(&self.path)).current_dir(&self.path);
        // Else git finds the checkout around the scratch tree and patches nothing.
        git.env("GIT_CEILING_DIRECTORIES", self.path.with_file_name(""));
        let output = git.output().map_err(|error| format!("git did not start: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("mutant {} does not apply: {}", mutant.name, String::from_utf8_lossy(&output.stderr).trim_end()))
    }
}

/// What git would commit: known files and new ones that are not ignored.
fn known_files() -> Result<Vec<PathBuf>, String> {
    let output = command("git", "ls-files -z --cached --others --exclude-standard").output();
    let output = output.map_err(|error| format!("git did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("not a git checkout: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let names = String::from_utf8(output.stdout).map_err(|_| "a file's name is not UTF-8")?;
    Ok(names.split_terminator('\0').map(PathBuf::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_restored_with_no_more_than_what_changed() {
        let scratch = std::env::temp_dir().join(format!("kcoro-xtask-tree-{}", std::process::id()));
        let file = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
        let files = BTreeMap::from([file("a", "one"), file("d/b", "two")]);
        let tree = Tree::of(&scratch, files).unwrap();
        assert!(Tree::of(&scratch, BTreeMap::new()).is_err_and(|why| why.contains("another run")));
        tree.restore().unwrap();
        let untouched = fs::metadata(tree.path.join("a")).unwrap().modified().unwrap();
        fs::write(tree.path.join("d/b"), "mutated").unwrap();
        fs::write(tree.path.join("d/left-over"), "").unwrap();
        tree.restore().unwrap();
        assert_eq!(fs::read(tree.path.join("d/b")).unwrap(), b"two");
        assert!(!tree.path.join("d/left-over").exists());
        assert_eq!(fs::metadata(tree.path.join("a")).unwrap().modified().unwrap(), untouched);
        fs::remove_dir_all(scratch).unwrap();
    }
}
