// SPDX-License-Identifier: BSD-3-Clause
//! How many seeds a simulated test takes, and who of several simulations takes which.
//!
//! A number of seeds is one *in all*: a test that runs under several numbers of workers and several strategies deals its
//! seeds out, so that no two of these run under the same one.

use std::ops::Range;

/// `KCORO_SEEDS` seeds in all, or else `default`, from `KCORO_FIRST_SEED` on, or else from 0.
///
/// # Panics
///
/// When a variable is no number, or when there would be no seed.
pub fn asked(default: u64) -> Range<u64> {
    let first = number("KCORO_FIRST_SEED").unwrap_or(0);
    let count = number("KCORO_SEEDS").unwrap_or(default);
    assert!(count > 0, "KCORO_SEEDS is 0, and without a seed nothing is played");
    first..first + count
}

/// The share of the `nth` of so many that take `seeds` together.
pub fn share(seeds: &Range<u64>, nth: usize, of: usize) -> Range<u64> {
    let count = seeds.end - seeds.start;
    let up_to = |nth: usize| seeds.start + count * nth as u64 / of as u64;
    up_to(nth)..up_to(nth + 1)
}

/// The number in a variable of the environment, if it is set.
///
/// # Panics
///
/// When it is set to something else.
pub fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.trim().parse().unwrap_or_else(|_| panic!("{variable} is `{text}`, which is no whole number")))
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn each_seed_is_in_one_share_and_shares_are_even() {
        for (count, of) in [(1_000, 3), (2, 3), (7, 7), (900, 9), (1, 1)] {
            let seeds = 5..5 + count;
            let shares: Vec<_> = (0..of).map(|nth| share(&seeds, nth, of)).collect();
            assert!(shares.iter().cloned().flatten().eq(seeds), "{shares:?}");
            let sizes = shares.iter().map(|share| share.end - share.start);
            assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1, "{shares:?}");
        }
    }
}
