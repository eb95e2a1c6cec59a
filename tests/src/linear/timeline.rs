// SPDX-License-Identifier: BSD-3-Clause
//! A history for the eye: time goes down, each process has a column.

use std::fmt::{self, Debug};

use super::history::Operation;

/// Prints as lines that end with a line break.
pub(super) struct Timeline<'a, C, R> {
    pub(super) processes: &'a [String],
    pub(super) operations: &'a [Operation<C, R>],
}

/// A call or a return.
struct Event<'a, C, R> {
    stamp: u64,
    operation: &'a Operation<C, R>,
    is_return: bool,
}

impl<C: Debug, R: Debug> Event<'_, C, R> {
    fn text(&self) -> String {
        match self.operation.result().filter(|_| self.is_return) {
            Some(result) => format!("└ {result:?}"),
            None => format!("┌ {:?}", self.operation.call),
        }
    }
}

impl<'a, C: Debug, R: Debug> Timeline<'a, C, R> {
    fn events(&self) -> Vec<Event<'a, C, R>> {
        let calls = self.operations.iter().map(|one| Event { stamp: one.called_at, operation: one, is_return: false });
        let returned = self.operations.iter().filter(|one| one.returned.is_some());
        let returns = returned.map(|one| Event { stamp: one.returned_at(), operation: one, is_return: true });
        let mut events: Vec<_> = calls.chain(returns).collect();
        events.sort_by_key(|event| event.stamp);
        events
    }

    /// The processes that do something, by index.
    fn columns(&self) -> Vec<usize> {
        let acts = |process: &usize| self.operations.iter().any(|operation| operation.process == *process);
        (0..self.processes.len()).filter(acts).collect()
    }

    fn is_running(&self, process: usize, stamp: u64) -> bool {
        let own = self.operations.iter().filter(|operation| operation.process == process);
        own.into_iter().any(|operation| operation.called_at < stamp && stamp < operation.returned_at())
    }
}

impl<C: Debug, R: Debug> fmt::Display for Timeline<'_, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, columns) = (self.events(), self.columns());
        let texts = events.iter().map(Event::text).chain(columns.iter().map(|column| self.processes[*column].clone()));
        let width = texts.map(|text| text.chars().count()).max().unwrap_or(0) + 2;
        let line = |f: &mut fmt::Formatter<'_>, head: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|cell| format!("{cell:width$}")).collect();
            writeln!(f, "{}", format!("{head:>6}  {cells}").trim_end())
        };
        line(f, "", columns.iter().map(|column| self.processes[*column].clone()).collect())?;
        for event in &events {
            let cell = |process: &usize| match *process {
                own if own == event.operation.process => event.text(),
                other if self.is_running(other, event.stamp) => "│".to_owned(),
                _ => String::new(),
            };
            line(f, &event.stamp.to_string(), columns.iter().map(cell).collect())?;
        }
        Ok(())
    }
}
