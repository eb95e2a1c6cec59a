// SPDX-License-Identifier: BSD-3-Clause
//! Actors that have nothing to do cost nothing.

use std::convert::Infallible;
use std::time::Duration;

use kcoro_sim::Sim;
use kcoro_sim::actor::{Actor, Builder, Context, Supervisor};
use kcoro_sim::time::sleep;

struct Idle;

impl Actor for Idle {
    type Message = ();
    type Error = Infallible;

    fn handle(&mut self, (): (), _: &Context<()>) -> Result<(), Infallible> {
        Ok(())
    }
}

/// In virtual time an hour is long: whatever polled, however seldom, would be seen.
#[test]
fn idle_actors_and_their_supervisors_never_wake() {
    let switches = |sleeps: u32| {
        let body = move || {
            let mut tree = Supervisor::one_for_one().backoff(Duration::from_millis(1), Duration::from_secs(1));
            let actors: Vec<_> = (0..100).map(|_| Builder::new().under(&mut tree, || Idle)).collect();
            let tree = tree.spawn().unwrap();
            (0..sleeps).for_each(|_| sleep(Duration::from_secs(3600)).unwrap());
            tree.stop();
            tree.join().unwrap();
            drop(actors);
        };
        Sim::new().workers(1).run(7, body).unwrap().steps
    };
    let (one, many) = (switches(1), switches(10));
    assert!(many - one < 100, "{one} steps with one hour, {many} with ten");
}
