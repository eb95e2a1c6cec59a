// SPDX-License-Identifier: BSD-3-Clause
//! What a simulator sees of actors: those that have nothing to do cost nothing, and one that waits for itself is found.

use std::convert::Infallible;
use std::time::Duration;

use kcoro_sim::actor::{Actor, Address, Builder, Context, Reply, Supervisor, spawn};
use kcoro_sim::time::sleep;
use kcoro_sim::{FailureKind, Sim};

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

struct AsksItself;

impl Actor for AsksItself {
    type Message = Reply<()>;
    type Error = &'static str;

    fn handle(&mut self, reply: Reply<()>, context: &Context<Reply<()>>) -> Result<(), Self::Error> {
        let own = context.address().ok_or("nobody has it")?;
        own.ask(|reply| reply).map_err(|_| "no answer")?;
        reply.send(()).map_err(|()| "nobody waits")
    }
}

#[test]
fn an_actor_that_asks_itself_is_a_deadlock_that_is_named() {
    let ask = || {
        let (actor, _handle) = Builder::new().name("narcissus").spawn(AsksItself).unwrap();
        let _ = actor.ask(|reply| reply);
    };
    let failure = Sim::new().run(3, ask).unwrap_err();
    let message = failure.to_string();
    assert!(message.contains("`narcissus`"), "{message}");
    // The root and the actor itself, for the same one.
    assert_eq!(message.matches("waits for the reply of the actor with mailbox 1").count(), 2, "{message}");
    let FailureKind::Deadlock(graph) = &failure.kind else { panic!("{failure}") };
    assert_eq!(graph.cycles().iter().map(Vec::len).collect::<Vec<_>>(), [1], "{message}");
    let (actor, handle) = Sim::new().run(3, || spawn(Idle).unwrap()).unwrap().value;
    // Its runtime is gone, and it has ended with that.
    assert!(actor.is_closed() && handle.is_finished());
}

/// Asks the other one whatever it is asked, and is told of the other by its first message.
#[derive(Default)]
struct AsksTheOther(Option<Address<Question>>);

enum Question {
    Meet(Address<Question>),
    What(Reply<u8>),
}

impl Actor for AsksTheOther {
    type Message = Question;
    type Error = &'static str;

    fn handle(&mut self, question: Question, _: &Context<Question>) -> Result<(), Self::Error> {
        match question {
            Question::Meet(other) => self.0 = Some(other),
            Question::What(reply) => {
                let other = self.0.as_ref().ok_or("it has met nobody")?;
                let answer = other.ask(Question::What).map_err(|_| "no answer")?;
                reply.send(answer).map_err(|_| "nobody waits")?;
            }
        }
        Ok(())
    }
}

#[test]
fn two_actors_that_ask_each_other_are_found_as_a_circle_by_name() {
    let ask = || {
        let (left, _left) = Builder::new().name("left").spawn(AsksTheOther::default()).unwrap();
        let mut tree = Supervisor::one_for_one();
        let right = Builder::new().name("right").under(&mut tree, AsksTheOther::default);
        let _tree = tree.spawn().unwrap();
        left.tell(Question::Meet(right.clone())).unwrap();
        right.tell(Question::Meet(left.clone())).unwrap();
        let _ = left.ask(Question::What);
    };
    for seed in 0..20 {
        let failure = Sim::new().workers(2).run(seed, ask).unwrap_err();
        let message = failure.to_string();
        let FailureKind::Deadlock(graph) = &failure.kind else { panic!("{message}") };
        assert_eq!(graph.cycles().iter().map(Vec::len).collect::<Vec<_>>(), [2], "{message}");
        let around = message.lines().find(|line| line.starts_with("in a circle: ")).expect("a circle");
        assert_eq!((around.matches("`left`").count() + around.matches("`right`").count()), 3, "{around}");
        assert!(!around.contains("`root`"), "it waits for them, and they do not wait for it: {around}");
    }
}
