// SPDX-License-Identifier: BSD-3-Clause
//! [`Strategy`]: how seeds become schedules.

use crate::dice::Dice;
use crate::pct::Pct;
use crate::random::Random;

/// How a seed decides whose turn it is.
///
/// ```
/// use kcoro_sim::{Sim, Strategy};
/// use kcoro_sim::sched::spawn;
///
/// let pct = Sim::new().workers(3).strategy(Strategy::Pct { depth: 3 });
/// pct.check(0..100, || assert_eq!(spawn(|| 6 * 7).unwrap().join().unwrap(), 42));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// At every turn any of the workers that can go on, each as likely as the others. Good at what needs many switches
    /// close together, or few things to happen.
    #[default]
    Random,
    /// The worker that has the highest priority of those that can go on. The seed gives the workers their priorities, and
    /// lowers that of the one that runs at `depth - 1` moments of the run. Good at what needs one worker to be held up for
    /// long at just one place: a bug that shows when `depth` things happen in a certain order is found with a probability
    /// that depends on the length of the run and on how far apart they are, but not on what else happens. Depths of 1 to 4
    /// find most bugs between suspensions; inside of operations (`--cfg kcoro_interleave`), try higher ones, too.
    ///
    /// After *A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs* (Burckhardt, Kothari, Musuvathi and
    /// Nagarakatte, 2010). Their algorithm is told how long runs are; here the seed draws the magnitude of the distance from
    /// each moment to the next, so that a run depends on its seed alone. A worker that has had very many turns while
    /// others could go on comes last, or a loop of yields would never end. Which of its coroutines a worker runs is
    /// random.
    Pct {
        /// How many things must happen in a certain order; zero counts as one.
        depth: usize,
    },
}

impl Strategy {
    pub(crate) fn dice(self, seed: u64, workers: usize) -> Dice {
        match self {
            Strategy::Random => Dice::new(Random::new(seed)),
            Strategy::Pct { depth } => Dice::new(Pct::new(seed, workers, depth)),
        }
    }
}
