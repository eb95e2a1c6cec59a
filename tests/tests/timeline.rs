// SPDX-License-Identifier: BSD-3-Clause
//! Timelines: valid files, whose slices tell what happened.

use std::collections::BTreeMap;
use std::time::Duration;

use kcoro_posix::Posix;
use kcoro_posix::channel::{bounded, rendezvous};
use kcoro_posix::sched::{Builder, Runtime, spawn, yield_now};
use kcoro_posix::time::sleep;
use kcoro_posix::trace::Timeline;
use kcoro_sim::Sim;
use serde_json::Value;

const WORKERS: u64 = 1;
const COROUTINES: u64 = 2;

/// A file that has been read and found valid.
struct Read {
    events: Vec<Value>,
    dropped: u64,
}

fn text_of(timeline: &Timeline) -> String {
    let mut file = Vec::new();
    timeline.write(&mut file).unwrap();
    String::from_utf8(file).unwrap()
}

/// Times in nanoseconds: the file has microseconds with three decimals.
fn ns(value: &Value) -> u64 {
    (value.as_f64().expect("a time") * 1000.0).round() as u64
}

impl Read {
    /// Reads the file, and checks what holds for every file.
    fn new(text: &str) -> Self {
        let file: Value = serde_json::from_str(text).expect("valid JSON");
        let events = file["traceEvents"].as_array().expect("events").clone();
        let read = Self { events, dropped: file["otherData"]["dropped"].as_u64().expect("a number") };
        read.check_tracks();
        read.check_arrows();
        read
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(move |event| event["ph"] == kind)
    }

    /// Slices are closed, do not overlap, and come in order; every track has a name.
    fn check_tracks(&self) {
        let mut ends = BTreeMap::new();
        for event in self.events.iter().filter(|event| event["ph"] != "M") {
            let track = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
            let (at_ns, end_ns) = (ns(&event["ts"]), ends.entry(track).or_insert((0, 0)));
            assert!(at_ns >= end_ns.0, "out of order: {event}");
            end_ns.0 = at_ns;
            assert!(event["name"].as_str().is_some_and(|name| !name.is_empty()), "{event}");
            if event["ph"] == "X" {
                assert!(at_ns >= end_ns.1, "overlaps the one before it: {event}");
                end_ns.1 = at_ns + ns(&event["dur"]);
            }
        }
        let named = |(process, thread): &(u64, u64)| {
            self.of_kind("M").any(|event| {
                let is_it = event["name"] == "thread_name" && event["pid"] == *process && event["tid"] == *thread;
                is_it && event["args"]["name"].as_str().is_some_and(|name| !name.is_empty())
            })
        };
        assert!(ends.keys().all(named), "{:?}", ends.keys());
    }

    /// Each arrow has one start, at most one end, and does not go back in time.
    fn check_arrows(&self) {
        let starts: BTreeMap<_, _> =
            self.of_kind("s").map(|event| (event["id"].as_u64().unwrap(), ns(&event["ts"]))).collect();
        assert_eq!(starts.len(), self.of_kind("s").count());
        let mut ended = std::collections::BTreeSet::new();
        for event in self.of_kind("f") {
            let arrow = event["id"].as_u64().unwrap();
            assert!(starts[&arrow] <= ns(&event["ts"]) && ended.insert(arrow), "{event}");
        }
    }

    /// The track of the coroutine with this name; its label names the spawn site.
    fn coroutine(&self, name: &str) -> u64 {
        let label = |event: &&Value| event["args"]["name"].as_str().is_some_and(|label| label.starts_with(name));
        let event = self.of_kind("M").filter(|event| event["pid"] == COROUTINES).find(label).expect("its track");
        assert!(event["args"]["name"].as_str().unwrap().contains("timeline.rs:"), "{event}");
        event["tid"].as_u64().unwrap()
    }

    /// The slices of a coroutine: names and lengths.
    fn states(&self, name: &str) -> Vec<(String, u64)> {
        let track = self.coroutine(name);
        let own = self.of_kind("X").filter(|event| event["pid"] == COROUTINES && event["tid"] == track);
        own.map(|event| (event["name"].as_str().unwrap().to_owned(), ns(&event["dur"]))).collect()
    }

    fn points(&self, name: &str) -> usize {
        self.of_kind("i").filter(|event| event["name"] == name).count()
    }
}

fn pipeline() {
    let (numbers_tx, numbers_rx) = bounded(2);
    let (squares_tx, squares_rx) = rendezvous();
    let source = move || (0..20u64).for_each(|n| numbers_tx.send(n).unwrap());
    let square = move || numbers_rx.iter().for_each(|n| squares_tx.send(n * n).unwrap());
    let source = Builder::new().name("source").spawn(source).unwrap();
    let square = Builder::new().name("square").spawn(square).unwrap();
    assert_eq!(squares_rx.iter().sum::<u64>(), 2470);
    source.join().unwrap();
    square.join().unwrap();
}

#[test]
fn a_pipeline_on_real_workers_gives_a_valid_file() {
    let timeline = Timeline::new(2);
    let runtime = Runtime::builder(Posix::new()).workers(2).trace(timeline.subscriber()).build().unwrap();
    runtime.run(pipeline).unwrap();
    kcoro_tests::end(runtime);
    let read = Read::new(&text_of(&timeline));
    assert_eq!(read.dropped, 0);
    for name in ["source", "square"] {
        let states = read.states(name);
        assert_eq!(states[0].0, "ready", "{states:?}");
        assert!(states.iter().any(|(state, _)| state == "running"), "{states:?}");
        assert!(states.iter().any(|(state, _)| state.starts_with("waits for ")), "{states:?}");
        // Each wait ends with a wake.
        assert!(states.windows(2).all(|two| !two[0].0.starts_with("waits") || two[1].0 == "ready"), "{states:?}");
    }
    assert!(read.of_kind("f").count() > 5);
    let runs = |event: &&Value| event["pid"] == WORKERS && event["name"].as_str().unwrap().starts_with("square ");
    let running = read.states("square").iter().filter(|(state, _)| state == "running").count();
    assert_eq!(read.of_kind("X").filter(runs).count(), running, "a coroutine runs where a worker runs it");
}

fn simulated(seed: u64, body: fn()) -> String {
    let timeline = Timeline::of_a_simulation();
    Sim::new().workers(3).trace(timeline.subscriber()).run(seed, body).unwrap();
    text_of(&timeline)
}

#[test]
fn equal_seeds_give_equal_files_and_others_differ() {
    for seed in 0..10 {
        // Channels are shown by their addresses, which differ from run to run.
        let body = || {
            let spawned = (0..5).map(|n| {
                spawn(move || {
                    yield_now();
                    sleep(Duration::from_micros(n % 2)).unwrap();
                })
            });
            let handles: Vec<_> = spawned.map(Result::unwrap).collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
        };
        let file = simulated(seed, body);
        Read::new(&file);
        assert_eq!(file, simulated(seed, body));
        assert_ne!(file, simulated(seed + 100, body));
    }
}

#[test]
fn virtual_time_is_the_time_of_a_simulation() {
    let body = || {
        let sleeper = Builder::new().name("sleeper").spawn(|| sleep(Duration::from_secs(3600)).unwrap()).unwrap();
        sleeper.join().unwrap();
    };
    let read = Read::new(&simulated(1, body));
    let states = read.states("sleeper");
    let hour = 3_600_000_000_000;
    // Late by the timer wheel's resolution at most.
    let slept = |(state, ns): &(String, u64)| state == "waits for a time" && (hour..hour + 1_000_000).contains(ns);
    assert!(states.iter().any(slept), "{states:?}");
    assert_eq!((read.points("timer armed"), read.points("timer fired")), (1, 1));
}

#[test]
fn a_cancel_is_seen_and_so_is_who_never_ran() {
    let body = || {
        let waits = || _ = sleep(Duration::MAX);
        let cancelled = Builder::new().name("cancelled").spawn(waits).unwrap();
        sleep(Duration::from_micros(1)).unwrap();
        cancelled.cancel();
        cancelled.join().unwrap();
        let never = Builder::new().name("never").spawn(|| ()).unwrap();
        never.cancel();
        never.join().unwrap_err();
    };
    let read = Read::new(&simulated(3, body));
    assert_eq!(read.points("cancelled"), 1);
    assert_eq!(read.states("cancelled").last().unwrap().0, "running");
    assert_eq!(read.states("never").len(), 1, "{:?}", read.states("never"));
}

#[test]
fn tracing_does_not_change_the_schedule() {
    for seed in 0..20 {
        let timeline = Timeline::of_a_simulation();
        let traced = Sim::new().workers(3).trace(timeline.subscriber()).run(seed, pipeline).unwrap();
        assert_eq!(traced, Sim::new().workers(3).run(seed, pipeline).unwrap());
    }
}

#[test]
fn a_full_ring_drops_and_counts_and_the_file_is_valid_all_the_same() {
    let timeline = Timeline::with_capacity(2, 16);
    let runtime = Runtime::builder(Posix::new()).workers(2).trace(timeline.subscriber()).build().unwrap();
    runtime.run(pipeline).unwrap();
    let before = timeline.dropped();
    assert!(before > 0);
    // Collecting makes room.
    timeline.collect();
    runtime.run(|| Builder::new().name("late").spawn(yield_now).unwrap().join().unwrap()).unwrap();
    kcoro_tests::end(runtime);
    let read = Read::new(&text_of(&timeline));
    assert!(read.dropped >= before);
    read.coroutine("late");
}
