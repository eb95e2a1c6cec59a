// SPDX-License-Identifier: BSD-3-Clause
//! The trace event format of Chrome, which Perfetto reads: one object for each thing that is drawn. Workers are threads of
//! process 1, coroutines threads of process 2. Times are in microseconds.

use std::io::{self, Write};

use super::tracks::{Entry, OUTSIDE, Shape, Track, Tracks};

const WORKERS: u32 = 1;
const COROUTINES: u32 = 2;

/// Writes the whole file.
pub(super) fn write(out: &mut impl Write, tracks: &Tracks, dropped: u64) -> io::Result<()> {
    writeln!(out, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"dropped\":{dropped}}},\"traceEvents\":[")?;
    writeln!(out, "{}", metadata("process_name", WORKERS, 0, "workers"))?;
    writeln!(out, ",{}", metadata("process_name", COROUTINES, 0, "coroutines"))?;
    for worker in tracks.workers() {
        let name = if worker == OUTSIDE { "outside".to_owned() } else { format!("worker {worker}") };
        writeln!(out, ",{}", metadata("thread_name", WORKERS, worker.into(), &name))?;
    }
    for (number, known) in &tracks.coroutines {
        let site = known.site.map(|site| format!(", spawned at {site}")).unwrap_or_default();
        let name = format!("{}{site}", tracks.label(*number));
        writeln!(out, ",{}", metadata("thread_name", COROUTINES, *number, &name))?;
    }
    for entry in &tracks.entries {
        writeln!(out, ",{}", event(entry))?;
    }
    writeln!(out, "]}}")
}

fn metadata(kind: &str, process: u32, thread: u64, name: &str) -> String {
    format!(
        "{{\"ph\":\"M\",\"name\":\"{kind}\",\"pid\":{process},\"tid\":{thread},\"args\":{{\"name\":\"{}\"}}}}",
        escaped(name)
    )
}

fn event(entry: &Entry) -> String {
    let (process, thread) = match entry.track {
        Track::Worker(index) => (WORKERS, u64::from(index)),
        Track::Coroutine(number) => (COROUTINES, number),
    };
    let shape = match entry.shape {
        Shape::Slice { duration_ns } => format!("\"ph\":\"X\",\"dur\":{}", microseconds(duration_ns)),
        Shape::Instant => "\"ph\":\"i\",\"s\":\"t\"".to_owned(),
        Shape::ArrowStart { arrow } => format!("\"ph\":\"s\",\"cat\":\"wake\",\"id\":{arrow}"),
        Shape::ArrowEnd { arrow } => format!("\"ph\":\"f\",\"bp\":\"e\",\"cat\":\"wake\",\"id\":{arrow}"),
    };
    let (name, at) = (escaped(&entry.name), microseconds(entry.at_ns));
    format!("{{{shape},\"name\":\"{name}\",\"pid\":{process},\"tid\":{thread},\"ts\":{at}}}")
}

fn microseconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1000, ns % 1000)
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut done, one| {
        match one {
            '"' | '\\' => done.extend(['\\', one]),
            control if control < ' ' => done.push_str(&format!("\\u{:04x}", u32::from(control))),
            plain => done.push(plain),
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::{escaped, microseconds};

    #[test]
    fn names_are_escaped_and_times_keep_their_nanoseconds() {
        assert_eq!(escaped("a \"b\" \\ c\n"), "a \\\"b\\\" \\\\ c\\u000a");
        assert_eq!(microseconds(1_002_003), "1002.003");
    }
}
