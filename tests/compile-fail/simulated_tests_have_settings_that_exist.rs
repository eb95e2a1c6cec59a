// SPDX-License-Identifier: BSD-3-Clause
//! `#[kcoro_sim::test]` says what is wrong with its settings, and with what it stands on.

#[kcoro_sim::test(sedes = 1000)]
fn misspelt() {}

#[kcoro_sim::test(seeds = 10, workers = 2, seeds = 20)]
fn twice() {}

#[kcoro_sim::test(seeds)]
fn no_value() {}

#[kcoro_sim::test(workers = , seeds = 3)]
fn empty_value() {}

#[kcoro_sim::test(1000)]
fn no_name() {}

#[kcoro_sim::test]
async fn a_future() {}

#[kcoro_sim::test]
unsafe fn unsafe_to_call() {}

#[kcoro_sim::test]
fn with_arguments(_seed: u64) {}

#[kcoro_sim::test]
fn generic<T>() {}

#[kcoro_sim::test]
struct NoFunction;

fn main() {}
