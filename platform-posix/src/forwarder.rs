// SPDX-License-Identifier: BSD-3-Clause
//! What runtimes do, as events of the crate `tracing`.

use std::fmt;
use std::sync::Arc;

use kcoro_core::trace::{Event, Record, Rings, Subscriber};
use tracing::Level;

/// How many records a ring holds: each takes about a cache line.
const CAPACITY: usize = 1 << 14;

/// Records what a runtime does, and hands it on as events of the crate `tracing`, with target `kcoro`.
///
/// A runtime tells of its events in the middle of a switch, where no code of others may run. So they are kept in a ring for
/// each worker until somebody calls [`TracingForwarder::forward`], on whose thread the subscribers of `tracing` then run.
/// A full ring drops what comes, and the next `forward` says how many records were lost.
///
/// Spawns, ends and cancels have level `DEBUG`, all else `TRACE`. The fields are those of [`Event`], and of each event
/// `at_ns` (when, by the clock of the platform) and `worker` (who did it, if it was a worker). Events are no spans: which
/// coroutine runs has nothing to do with which span the thread of its worker is in.
///
/// ```
/// use kcoro_posix::Posix;
/// use kcoro_posix::sched::{Runtime, spawn};
/// use kcoro_posix::trace::TracingForwarder;
///
/// let forwarder = TracingForwarder::new(2);
/// let runtime = Runtime::builder(Posix::new()).workers(2).trace(forwarder.subscriber()).build()?;
/// runtime.run(|| spawn(|| 6 * 7).unwrap().join().unwrap())?;
/// // Now and then; from a coroutine with an interval, say.
/// assert!(forwarder.forward() > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TracingForwarder {
    rings: Arc<Rings>,
}

impl TracingForwarder {
    /// For a runtime of `workers`.
    pub fn new(workers: usize) -> Self {
        Self::with_capacity(workers, CAPACITY)
    }

    /// As [`TracingForwarder::new`]; each worker can record so many events before they are handed on.
    pub fn with_capacity(workers: usize, events: usize) -> Self {
        Self { rings: Arc::new(Rings::new(workers, events)) }
    }

    /// What to give to [`RuntimeBuilder::trace`](kcoro_core::sched::RuntimeBuilder::trace).
    pub fn subscriber(&self) -> Arc<dyn Subscriber> {
        self.rings.clone()
    }

    /// Hands on what has been recorded, in the order of time, and makes room. Returns how many events that were.
    pub fn forward(&self) -> usize {
        let records = self.rings.drain();
        records.iter().for_each(hand_on);
        records.len()
    }

    /// How many events were lost because a ring was full.
    pub fn dropped(&self) -> u64 {
        self.rings.dropped()
    }
}

impl fmt::Debug for TracingForwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracingForwarder").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

fn hand_on(record: &Record) {
    let &Record { at_ns, worker, event } = record;
    macro_rules! event {
        ($level:ident, $name:literal $(, $field:ident = $value:expr)*) => {
            tracing::event!(target: "kcoro", Level::$level, at_ns, worker $(, $field = $value)*, $name)
        };
    }
    match event {
        Event::Spawned { coroutine, by, name, site } => {
            event!(DEBUG, "spawned", coroutine = coroutine, by = by, name = name, site = tracing::field::display(site));
        }
        Event::Resumed { coroutine } => event!(TRACE, "resumed", coroutine = coroutine),
        Event::Parked { coroutine, what, object } => {
            event!(TRACE, "parked", coroutine = coroutine, what = what, object = object);
        }
        Event::Woken { coroutine, by } => event!(TRACE, "woken", coroutine = coroutine, by = by),
        Event::Yielded { coroutine } => event!(TRACE, "yielded", coroutine = coroutine),
        Event::Ended { coroutine } => event!(DEBUG, "ended", coroutine = coroutine),
        Event::Cancelled { coroutine, by } => event!(DEBUG, "cancelled", coroutine = coroutine, by = by),
        Event::TimerArmed { coroutine, deadline_ns } => {
            event!(TRACE, "timer armed", coroutine = coroutine, deadline_ns = deadline_ns);
        }
        Event::TimerFired { coroutine } => event!(TRACE, "timer fired", coroutine = coroutine),
        Event::Stole { count } => event!(TRACE, "stole", count = count),
        Event::WorkerIdle => event!(TRACE, "worker idle"),
        Event::WorkerAwake => event!(TRACE, "worker awake"),
        // What is added to the core has to be added here; it is seen meanwhile, too.
        other => event!(TRACE, "other", event = tracing::field::debug(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::sync::Mutex;

    use kcoro_core::channel::rendezvous;
    use kcoro_core::sched::{Builder, Runtime};
    use tracing::field::{Field, Visit};
    use tracing::span;

    use super::*;
    use crate::Posix;

    /// Writes down each event with its fields.
    #[derive(Clone, Default)]
    struct Notes(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            write!(self.0, "{}={value:?} ", field.name()).unwrap();
        }
    }

    impl tracing::Subscriber for Notes {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            metadata.target() == "kcoro"
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            unreachable!("no spans are made")
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut line = Line(format!("{} ", event.metadata().level()));
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn a_subscriber_of_tracing_hears_of_each_step_of_a_coroutine_in_order() {
        let forwarder = TracingForwarder::new(1);
        let runtime =
            Runtime::builder(Posix::new()).workers(1).trace(forwarder.subscriber()).build().expect("a runtime");
        let id = runtime
            .run(|| {
                let (tx, rx) = rendezvous();
                let waits = Builder::new().name("waits").spawn(move || rx.recv().unwrap()).unwrap();
                let id = waits.id();
                kcoro_core::sched::yield_now();
                tx.send(7).unwrap();
                assert_eq!(waits.join().unwrap(), 7);
                id
            })
            .unwrap();
        drop(runtime);
        let notes = Notes::default();
        let forwarded = tracing::subscriber::with_default(notes.clone(), || forwarder.forward());
        let lines = notes.0.lock().unwrap();
        assert_eq!((lines.len(), forwarder.dropped()), (forwarded, 0));
        assert_eq!(forwarder.forward(), 0, "each is handed on once");
        let of_it: Vec<_> = lines.iter().filter(|line| line.contains(&format!("coroutine={id} "))).collect();
        let steps = ["spawned", "resumed", "parked", "woken", "resumed", "ended"];
        let found: Vec<_> = steps
            .iter()
            .map(|step| of_it.iter().filter(|line| line.contains(&format!("message={step} "))).count())
            .collect();
        assert_eq!(found, [1, 2, 1, 1, 2, 1], "{of_it:#?}");
        let order: Vec<_> =
            of_it.iter().zip(steps).map(|(line, step)| line.contains(&format!("message={step} "))).collect();
        assert_eq!(order, [true; 6], "{of_it:#?}");
        assert!(of_it[0].starts_with("DEBUG ") && of_it[0].contains("name=\"waits\"") && of_it[0].contains("worker=0"));
        assert!(of_it[0].contains("site=platform-posix/src/forwarder.rs:"), "{}", of_it[0]);
        assert!(of_it[2].starts_with("TRACE ") && of_it[2].contains("what=\"a value\""), "{}", of_it[2]);
    }
}
