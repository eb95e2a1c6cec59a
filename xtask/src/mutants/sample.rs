// SPDX-License-Identifier: BSD-3-Clause
//! Which mutants CI runs: a few, others with each commit, the same ones for the same commit.

use crate::run::{command, stdout_of};

use super::patch::Mutant;

/// In how many runs of neighbours a sample is taken. Those that are built alike are neighbours, and a build costs more than
/// the mutants do.
const RUNS: usize = 2;

/// `count` of `mutants`, as the hash of the current commit decides.
pub fn of_this_commit(mutants: Vec<Mutant>, count: usize) -> Result<Vec<Mutant>, String> {
    let commit =
        stdout_of(command("git", "rev-parse HEAD")).ok_or("a sample is chosen by commit: this is no checkout")?;
    let build = |mutant: &Mutant| (mutant.environment.clone(), mutant.build.clone());
    Ok(chosen(mutants, count, &commit, build, |mutant| &mutant.name))
}

/// Runs of neighbours in the order of `build`, each beginning where the hash of the commit says.
fn chosen<T, B: Ord>(
    mut all: Vec<T>,
    count: usize,
    commit: &str,
    build: impl Fn(&T) -> B,
    name: impl Fn(&T) -> &str,
) -> Vec<T> {
    // Those that are built alike in another order with each commit, or some would always come together.
    all.sort_by_cached_key(|one| (build(one), hash(commit, name(one))));
    let mut is_chosen = vec![false; all.len()];
    for nth in 0..count.min(all.len()) {
        let run = (nth * RUNS / count).to_string();
        let mut place = hash(commit, &run) as usize % all.len();
        while is_chosen[place] {
            place = (place + 1) % all.len();
        }
        is_chosen[place] = true;
    }
    all.into_iter().zip(is_chosen).filter_map(|(one, is_chosen)| is_chosen.then_some(one)).collect()
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

    /// Ten of each build.
    fn all() -> Vec<String> {
        (0..100).map(|n| format!("mutant-{n:02}")).collect()
    }

    fn build(name: &str) -> String {
        name[..name.len() - 1].to_owned()
    }

    fn sample(count: usize, commit: &str) -> Vec<String> {
        chosen(all(), count, commit, |name| build(name), |name| name)
    }

    #[test]
    fn a_commit_chooses_the_same_ones_each_time_and_all_have_their_turn() {
        assert_eq!(sample(10, "c0ffee"), sample(10, "c0ffee"));
        let seen: BTreeSet<_> = (0..200).flat_map(|commit| sample(10, &format!("{commit:040x}"))).collect();
        assert_eq!(seen.len(), 100);
        let more: BTreeSet<_> = sample(999, "c0ffee").into_iter().collect();
        assert_eq!(more.len(), 100);
    }

    #[test]
    fn a_sample_needs_few_builds() {
        for commit in 0..100 {
            let sample = sample(10, &format!("{commit:040x}"));
            let builds: BTreeSet<_> = sample.iter().map(|name| build(name)).collect();
            assert!(sample.len() == 10 && builds.len() <= 4, "{sample:?}");
        }
    }
}
