// SPDX-License-Identifier: BSD-3-Clause
//! Which mutants CI runs: a few, others with each commit, the same ones for the same commit.

use crate::run::{command, stdout_of};

use super::patch::Mutant;

/// `count` of `mutants`, as the hash of the current commit decides.
pub fn of_this_commit(mutants: Vec<Mutant>, count: usize) -> Result<Vec<Mutant>, String> {
    let commit =
        stdout_of(command("git", "rev-parse HEAD")).ok_or("a sample is chosen by commit: this is no checkout")?;
    Ok(chosen(mutants, count, &commit, |mutant| &mutant.name))
}

/// Those whose names, hashed with the commit, come first.
fn chosen<T>(mut all: Vec<T>, count: usize, commit: &str, name: impl Fn(&T) -> &str) -> Vec<T> {
    all.sort_by_key(|one| hash(commit, name(one)));
    all.truncate(count);
    all
}

/// FNV-1a of 64 bits, and a last mix: names that differ at their end only must not stay neighbours.
fn hash(commit: &str, name: &str) -> u64 {
    let bytes = commit.bytes().chain([0]).chain(name.bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::chosen;

    #[test]
    fn a_commit_chooses_the_same_ones_each_time_and_all_have_their_turn() {
        let all: Vec<_> = (0..50).map(|n| format!("mutant-{n}")).collect();
        let sample = |commit: &str| chosen(all.clone(), 10, commit, |name| name);
        assert_eq!(sample("c0ffee"), sample("c0ffee"));
        let seen: BTreeSet<_> = (0..60).flat_map(|commit| sample(&format!("{commit:040x}"))).collect();
        assert_eq!(seen.len(), 50);
        assert_eq!(chosen(all.clone(), 99, "c0ffee", |name| name).len(), 50);
    }
}
