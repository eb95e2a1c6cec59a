// SPDX-License-Identifier: BSD-3-Clause
//! `cargo xtask`: the one entrance to building, testing and measuring kcoro.
//!
//! README, CONTRIBUTING and CI call only this. Every suite is a row of the table in [`suites`]; what a suite needs
//! installed is a [`setup::Tool`]; every child process goes through [`run`], which echoes it.

mod bench;
mod examples;
mod install;
mod matrix;
mod miri;
mod mutants;
mod qemu;
mod report;
mod run;
mod sanitizers;
mod setup;
mod suites;

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use mutants::Wanted;
use report::Options;

/// kcoro's one entrance: set-up, tests, benchmarks, CI.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the suites need and this machine lacks (all suites unless some are named)
    Setup {
        /// Only report what is missing; fails if anything is
        #[arg(long)]
        check: bool,
        #[arg(value_parser = PossibleValuesParser::new(suites::names()))]
        suites: Vec<String>,
    },
    /// Run test suites (all unless some are named), installing what they need
    Test {
        /// Search deeper: more loom preemptions, and no check may be skipped for want of a network
        #[arg(long)]
        long: bool,
        /// Show the output of suites that pass, too
        #[arg(long, short)]
        verbose: bool,
        #[arg(value_parser = PossibleValuesParser::new(suites::names()))]
        suites: Vec<String>,
    },
    /// Run all suites as CI does: a suite that takes longer than its budget fails, and what it has built is removed
    Ci,
    /// Make mutants, one after the other, and see each killed by the test that it names (all unless some are named)
    Mutants {
        /// Only so many, as the current commit decides
        #[arg(long, value_name = "COUNT", conflicts_with = "names")]
        sample: Option<usize>,
        /// Files of tests/mutants/, without `.patch`
        names: Vec<String>,
    },
    /// Build a program of qemu/ and run it under QEMU
    Qemu {
        program: String,
        /// What the program is told, as `NAME=VALUE`
        arguments: Vec<String>,
        #[command(flatten)]
        machine: qemu::Machine,
    },
    /// Run benchmark workloads in release (all unless some are named)
    Bench { workloads: Vec<String> },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Task::Setup { check: true, suites } => {
            setup::report_missing(&suites::named(&suites)).map(|()| ExitCode::SUCCESS)
        }
        Task::Setup { check: false, suites } => {
            setup::install_missing(&suites::named(&suites)).map(|()| ExitCode::SUCCESS)
        }
        Task::Test { long, verbose, suites } => {
            report::run_suites(&suites::named(&suites), Options { long, verbose, ci: false })
        }
        Task::Ci => report::run_suites(&suites::named(&[]), Options { long: false, verbose: false, ci: true }),
        Task::Mutants { sample, names } => run_mutants(sample, &names),
        Task::Qemu { program, arguments, machine } => run_under_qemu(&program, machine, &arguments),
        Task::Bench { workloads } => bench::run_workloads(&workloads).map(|()| ExitCode::SUCCESS),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run_under_qemu(program: &str, machine: qemu::Machine, arguments: &[String]) -> Result<ExitCode, String> {
    setup::install_missing(&suites::named(&["qemu".to_owned()]))?;
    qemu::run_one(program, machine, arguments).map(|()| ExitCode::SUCCESS)
}

fn run_mutants(sample: Option<usize>, names: &[String]) -> Result<ExitCode, String> {
    setup::install_missing(&suites::named(&["mutants".to_owned()]))?;
    mutants::run_command(&match sample {
        Some(count) => Wanted::Sample(count),
        None if names.is_empty() => Wanted::All,
        None => Wanted::Named(names),
    })
}
