// SPDX-License-Identifier: BSD-3-Clause
//! Checking a history, and what is said of one that is wrong.

use std::fmt;

use super::history::History;
use super::minimise::minimise;
use super::model::{Model, OperationOf};
use super::search::{Found, search};
use super::timeline::Timeline;

/// Enough for every history of a few dozen operations that was seen; a few hundred megabytes at worst.
const DEFAULT_LIMIT: usize = 1_000_000;

/// Checks `history` against `model`, object by object, with the default limit.
///
/// # Errors
///
/// See [`Problem`].
pub fn check<M: Model>(model: &M, history: &History<M::Call, M::Return>) -> Result<(), Problem<M>> {
    Checker::new(model).check(history)
}

/// A check with a limit of its own.
#[derive(Debug)]
pub struct Checker<'a, M> {
    model: &'a M,
    limit: usize,
}

/// Why a history did not pass.
pub enum Problem<M: Model> {
    /// The object did what no correct one does.
    Violation(Violation<M>),
    /// It is not known: the search was given up. Record shorter histories, or raise the limit.
    Undecided {
        /// The object whose history is too long.
        object: u32,
        /// How many operations it has.
        operations: usize,
        /// How many configurations were entered.
        limit: usize,
    },
}

/// A history that the model does not allow, shortened. Its message is a timeline.
pub struct Violation<M: Model> {
    /// The object.
    pub object: u32,
    /// What is left of its history: still wrong.
    pub operations: Vec<OperationOf<M>>,
    /// How many operations it had.
    pub of: usize,
    /// The longest beginning of an order that the model allows: indices into `operations`.
    pub explained: Vec<Vec<usize>>,
    /// The state after that.
    pub state: M::State,
    processes: Vec<String>,
}

impl<'a, M: Model> Checker<'a, M> {
    /// With the default limit.
    pub fn new(model: &'a M) -> Self {
        Self { model, limit: DEFAULT_LIMIT }
    }

    /// How many configurations the search may enter. They bound its memory and its time.
    pub fn limit(mut self, configurations: usize) -> Self {
        self.limit = configurations;
        self
    }

    /// Checks `history`, object by object.
    ///
    /// # Errors
    ///
    /// See [`Problem`].
    pub fn check(&self, history: &History<M::Call, M::Return>) -> Result<(), Problem<M>> {
        history.objects().into_iter().try_for_each(|object| self.check_object(history, object))
    }

    fn check_object(&self, history: &History<M::Call, M::Return>, object: u32) -> Result<(), Problem<M>> {
        let whole = history.of(object);
        match search(self.model, &whole, self.limit) {
            Found::Order => return Ok(()),
            Found::Nothing { .. } => {}
            Found::GaveUp => {
                return Err(Problem::Undecided { object, operations: whole.len(), limit: self.limit });
            }
        }
        let operations = minimise(self.model, &whole, self.limit);
        let Found::Nothing { steps: explained, state } = search(self.model, &operations, self.limit) else {
            unreachable!("only what is still wrong is kept")
        };
        let processes = history.processes.clone();
        Err(Problem::Violation(Violation { object, operations, of: whole.len(), explained, state, processes }))
    }
}

impl<M: Model> fmt::Display for Problem<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation) => violation.fmt(f),
            Self::Undecided { object, operations, limit } => write!(
                f,
                "undecided: {operations} operations on object {object} have more than {limit} configurations; record \
                 shorter histories, or raise the limit"
            ),
        }
    }
}

impl<M: Model> fmt::Debug for Problem<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<M: Model> fmt::Display for Violation<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, operations, of, state, .. } = self;
        writeln!(f, "not linearizable: object {object}; {} of its {of} operations prove it:", operations.len())?;
        write!(f, "{}", Timeline { processes: &self.processes, operations })?;
        f.write_str("the longest explanation:")?;
        for step in &self.explained {
            let together: Vec<_> = step.iter().map(|index| format!("{:?}", operations[*index].call)).collect();
            write!(f, " {};", together.join(" with "))?;
        }
        write!(f, " then the object is {state:?}, and nothing that is left can come next")
    }
}

impl<M: Model> fmt::Debug for Violation<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
