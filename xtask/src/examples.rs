// SPDX-License-Identifier: BSD-3-Clause
//! Runs every example and checks what it prints, so that the examples in the documentation keep their word.

use std::process::Command;

use crate::bench::binaries;
use crate::run::{Session, cargo, command, target_dir};

struct Example {
    /// A binary of the package in examples/.
    name: &'static str,
    arguments: &'static str,
    exit_code: i32,
    /// Each of these is somewhere in its output.
    prints: &'static [&'static str],
}

/// One row or more for each binary in examples/src/bin.
const EXAMPLES: &[Example] = &[
    Example {
        name: "wordfreq",
        arguments: "--workers 2 --top 1 LICENSES",
        exit_code: 0,
        prints: &["  the\n", "distinct, in 1 files; 0 unreadable", " bytes in ", "coroutines on 2 workers"],
    },
    Example { name: "wordfreq", arguments: "--json", exit_code: 0, prints: &["\"unreadable\":0", "[\"the\","] },
    Example { name: "wordfreq", arguments: "--workers 0", exit_code: 2, prints: &["--workers", "0 is not in 1.."] },
    Example {
        name: "wordfreq",
        arguments: "--sim 7 --top 1 LICENSES",
        exit_code: 0,
        prints: &["  the\n", "distinct, in 1 files; 0 unreadable", "of virtual time", "seed 7 on 2 simulated workers"],
    },
    Example { name: "wordfreq", arguments: "--sim soon", exit_code: 2, prints: &["--sim <SEED>", "soon"] },
    Example { name: "wordfreq", arguments: "no/such/path", exit_code: 2, prints: &["no/such/path"] },
    Example { name: "ping_pong", arguments: "", exit_code: 0, prints: &["after 10000 rounds the number is 10000"] },
    Example {
        name: "generator",
        arguments: "",
        exit_code: 0,
        prints: &["[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]", "AC AB CB AC BA BC AC"],
    },
    Example {
        name: "scoped_sum",
        arguments: "",
        exit_code: 0,
        prints: &["is 500000500000", "Ok(356)", "Err(\"invalid digit found in string\")"],
    },
    Example {
        name: "cancel_tree",
        arguments: "",
        exit_code: 0,
        prints: &[
            "orphan: given up, because the connection broke",
            "patient request: given up, because the server stops",
            "quick request: done",
            "server: the server stops",
            "slow request: given up, because the deadline has passed",
        ],
    },
    Example {
        name: "timeouts",
        arguments: "",
        exit_code: 0,
        prints: &[
            "a sleep is never short: true",
            "nothing was received in time",
            "at most four naps fitted in: true, then cancelled while sleeping",
            "three ticks span at least two periods: true",
        ],
    },
    Example {
        name: "pub_sub",
        arguments: "",
        exit_code: 0,
        prints: &[
            "3 subscribers\n2 subscribers\n2 subscribers\n2 subscribers\n",
            "the fast one saw [100, 101, 103, 102], the slow one [102]",
        ],
    },
    Example {
        name: "rate_limiter",
        arguments: "",
        exit_code: 0,
        prints: &[
            "12 requests were served, in the order in which they came: true",
            "after the first 3 each waited for a beat of its own: true",
        ],
    },
    Example {
        name: "local_runtime",
        arguments: "",
        exit_code: 0,
        prints: &["left 1, right 1, left 2, right 2, left 3, right 3"],
    },
    Example {
        name: "sim_philosophers",
        arguments: "",
        exit_code: 0,
        prints: &[
            "deadlock: 4 coroutines wait",
            "`Hypatia`, spawned at",
            "the same seed took the same way again: true",
            "with a rule of order all have eaten under 1000 seeds",
        ],
    },
    Example {
        name: "sim_lost_update",
        arguments: "",
        exit_code: 0,
        prints: &[
            "is the first that loses an update; show it again with `sim_lost_update ",
            " reads 0\n",
            "3 deposits of 100 came to ",
            "with one clerk at a time nothing is lost under 1000 seeds",
        ],
    },
    Example { name: "sim_lost_update", arguments: "one", exit_code: 1, prints: &["`one` is no seed"] },
    Example {
        name: "sim_retry_storm",
        arguments: "",
        exit_code: 0,
        prints: &[
            "retries at once: answered in each ten minutes [",
            "  it never recovered; 60 minutes passed",
            "retries with backoff: answered in each ten minutes [",
            "  it recovered; 60 minutes passed",
            "the same seed did the same again: true",
            "three hours took ",
        ],
    },
    Example {
        name: "timeline",
        arguments: "target/timeline.json",
        exit_code: 0,
        prints: &["the sum of 1000 cubes is 250500250000", "wrote target/timeline.json; 0 events were dropped"],
    },
    Example {
        name: "select_everywhere",
        arguments: "",
        exit_code: 0,
        prints: &["each of the three has served: true", "every order was served once: true"],
    },
    Example {
        name: "pipeline",
        arguments: "",
        exit_code: 0,
        prints: &["3 coroutines counted 90 words in 30 lines", "the first line with 5 words: 5"],
    },
    Example {
        name: "prime_sieve",
        arguments: "",
        exit_code: 0,
        prints: &["2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59 61 67 71"],
    },
    Example {
        name: "supervised_actors",
        arguments: "",
        exit_code: 0,
        prints: &[
            "`till` failed (`half a dozen` is no amount), next: Restart(",
            "`till` failed (panicked: the drawer is stuck), next: Restart(",
            "the third till has taken 30; the ledger has all 60",
            "1 amount came too late",
            "stopped",
        ],
    },
    Example { name: "async_bridge", arguments: "", exit_code: 0, prints: &["the sum of 100 squares is 338350"] },
];

/// Builds and runs the table; an example without a row fails.
pub fn run_all(session: &mut Session) {
    let binaries = binaries("examples/src/bin");
    for name in binaries.iter().filter(|name| EXAMPLES.iter().all(|example| example.name != **name)) {
        session.fail(&format!("example `{name}` has no row in the table of xtask/src/examples.rs"));
    }
    if binaries.is_empty() {
        return session.skip("there is no example yet");
    }
    session.check(cargo("build --package kcoro-examples --bins --features trace"));
    for example in EXAMPLES {
        run_one(session, example);
    }
}

fn run_one(session: &mut Session, example: &Example) {
    let ran = match session.run(built(example)) {
        Ok(ran) => ran,
        Err(error) => return session.fail(&format!("{} did not run: {error}", example.name)),
    };
    let (status, output) = ran;
    if status.code() != Some(example.exit_code) {
        return session.fail(&format!("{}: {status}, not exit code {}", example.name, example.exit_code));
    }
    match example.prints.iter().find(|text| !output.contains(**text)) {
        Some(missing) => session.fail(&format!("{} did not print `{missing}`", example.name)),
        None => session.tally.passed += 1,
    }
}

fn built(example: &Example) -> Command {
    let path = target_dir().join("debug").join(example.name);
    command(&path.display().to_string(), example.arguments)
}
