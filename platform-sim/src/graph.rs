// SPDX-License-Identifier: BSD-3-Clause
//! [`WaitGraph`]: who waits for whom, when nothing goes on any more.

use std::fmt;
use std::panic::Location;

use kcoro_core::sched::{CoroutineInfo, CoroutineState, Dump, WaitsFor};

/// How many coroutines a message names at most.
const MOST_NAMED: usize = 32;

/// The coroutines that had not ended, and what each waits for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitGraph {
    /// Those that have parked at least once, in the order of their numbers.
    pub coroutines: Vec<CoroutineInfo>,
    /// How many more there are: they have not started, or have not parked yet.
    pub unlisted: usize,
}

impl WaitGraph {
    pub(crate) fn new(dump: Dump) -> Self {
        Self { coroutines: dump.coroutines, unlisted: dump.unlisted }
    }

    /// Coroutines that wait for each other in a circle, by number: each for the next, and the last for the first.
    ///
    /// Known are those that join one another, wait for the children of a scope, or have asked an actor, which owes the reply
    /// (though it may have handed the right to answer on to somebody else). Whoever waits at a channel may be woken by any
    /// that has a handle of it, which cannot be seen.
    pub fn cycles(&self) -> Vec<Vec<u64>> {
        let mut search = Search { graph: self, done: Vec::new(), path: Vec::new(), cycles: Vec::new() };
        self.coroutines.iter().for_each(|one| search.visit(one));
        search.cycles
    }

    /// Those for whose end or reply `one` waits.
    fn waited_for(&self, one: &CoroutineInfo) -> impl Iterator<Item = &CoroutineInfo> {
        let on = waits_for(one);
        self.coroutines.iter().filter(move |other| match on {
            Some(WaitsFor::Join(id)) => other.id == id,
            Some(WaitsFor::Children(scope)) => other.scope.is_some_and(|link| link.id == scope),
            Some(WaitsFor::Reply(mailbox)) => other.serves == Some(mailbox),
            _ => false,
        })
    }

    /// What makes two graphs those of the same failure: names and spawn sites, but not numbers, which depend on who
    /// spawned first.
    pub(crate) fn who_waits(&self) -> Vec<(Option<&'static str>, &'static Location<'static>)> {
        let mut who: Vec<_> = self.coroutines.iter().map(|one| (one.name, one.spawn_site)).collect();
        who.sort_unstable();
        who
    }

    fn named(&self, id: u64) -> String {
        let name = self.coroutines.iter().find(|one| one.id == id).and_then(|one| one.name);
        format!("{id} `{}`", name.unwrap_or("unnamed"))
    }
}

fn waits_for(one: &CoroutineInfo) -> Option<WaitsFor> {
    match one.state {
        CoroutineState::Parked { on, .. } => Some(on),
        _ => None,
    }
}

/// A search in depth; an edge back into the path closes a circle.
struct Search<'a> {
    graph: &'a WaitGraph,
    done: Vec<u64>,
    path: Vec<u64>,
    cycles: Vec<Vec<u64>>,
}

impl Search<'_> {
    fn visit(&mut self, one: &CoroutineInfo) {
        if let Some(first) = self.path.iter().position(|id| *id == one.id) {
            self.cycles.push(self.path[first..].to_vec());
        } else if !self.done.contains(&one.id) {
            self.path.push(one.id);
            let graph = self.graph;
            graph.waited_for(one).for_each(|other| self.visit(other));
            self.path.pop();
            self.done.push(one.id);
        }
    }
}

/// A number for a channel or a scope, in the order of their first mention: their addresses differ from run to run.
fn number<K: PartialEq>(mentioned: &mut Vec<K>, one: K) -> usize {
    let place = mentioned.iter().position(|known| *known == one).unwrap_or_else(|| {
        mentioned.push(one);
        mentioned.len() - 1
    });
    place + 1
}

impl fmt::Display for WaitGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut channels, mut scopes) = (Vec::new(), Vec::new());
        let mut separator = "";
        for one in self.coroutines.iter().take(MOST_NAMED) {
            write!(f, "{separator}  coroutine {}, spawned at {}, ", self.named(one.id), one.spawn_site)?;
            separator = "\n";
            match one.state {
                CoroutineState::Parked { on: WaitsFor::ToReceive(channel), .. } => {
                    write!(f, "waits for a value from channel {}", number(&mut channels, channel))?;
                }
                CoroutineState::Parked { on: WaitsFor::ToSend(channel), .. } => {
                    write!(f, "waits for room in channel {}", number(&mut channels, channel))?;
                }
                CoroutineState::Parked { on: WaitsFor::Reply(mailbox), .. } => {
                    // The same number as where the actor itself waits for a message.
                    write!(f, "waits for the reply of the actor with mailbox {}", number(&mut channels, mailbox))?;
                }
                CoroutineState::Parked { on: WaitsFor::Join(id), .. } => {
                    write!(f, "waits for the end of coroutine {}", self.named(id))?;
                }
                CoroutineState::Parked { on: WaitsFor::Children(scope), .. } => {
                    let children = self.waited_for(one).map(|child| self.named(child.id));
                    let children = children.collect::<Vec<_>>().join(", ");
                    write!(f, "waits for the children of scope {}: {children}", number(&mut scopes, scope))?;
                }
                CoroutineState::Parked { on, .. } => write!(f, "waits for {on}")?,
                CoroutineState::Running => f.write_str("runs")?,
                _ => f.write_str("is ready")?,
            }
        }
        let more = self.coroutines.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        if self.unlisted > 0 {
            write!(f, "{separator}  and {} that have not waited yet", self.unlisted)?;
        }
        for cycle in self.cycles() {
            let around = cycle.iter().chain(cycle.first()).map(|id| self.named(*id));
            write!(f, "\nin a circle: {}", around.collect::<Vec<_>>().join(" waits for "))?;
        }
        Ok(())
    }
}
