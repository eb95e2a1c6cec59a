// SPDX-License-Identifier: BSD-3-Clause
//! A small generator of random numbers: for fairness, not for secrets.

use core::cell::Cell;

/// A small generator (xorshift, 64 bits). Zero is its state before it has a seed.
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) const fn unseeded() -> Self {
        Self(Cell::new(0))
    }

    pub(crate) fn is_seeded(&self) -> bool {
        self.0.get() != 0
    }

    pub(crate) fn seed(&self, seed: u64) {
        // Neighbouring seeds begin far from each other; a state of zero would stay zero.
        let mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0.set((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1);
    }

    /// A number below `options`, which is not zero.
    #[inline]
    pub(crate) fn below(&self, options: usize) -> usize {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        // The upper half, scaled: off by 2^-32 per option at most.
        (((state >> 32) * options as u64) >> 32) as usize
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Random;

    #[test]
    fn each_option_is_drawn_about_as_often() {
        let random = Random::unseeded();
        for seed in 0..4 {
            random.seed(seed);
            let mut drawn = [0_u32; 5];
            (0..10_000).for_each(|_| drawn[random.below(5)] += 1);
            assert!(drawn.iter().all(|times| (1_800..2_200).contains(times)), "seed {seed}: {drawn:?}");
        }
    }
}
