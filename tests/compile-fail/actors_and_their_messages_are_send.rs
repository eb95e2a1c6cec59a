// SPDX-License-Identifier: BSD-3-Clause
//! An actor goes to the worker that runs it, and so do its messages. One that a supervisor gives birth to is made there,
//! and need not be sent.

use std::convert::Infallible;
use std::rc::Rc;

use kcoro_posix::actor::{Actor, Builder, Context, Supervisor, spawn};

struct Local(Rc<u8>);

impl Actor for Local {
    type Message = ();
    type Error = Infallible;

    fn handle(&mut self, (): (), _: &Context<()>) -> Result<(), Infallible> {
        Ok(())
    }
}

struct Told;

impl Actor for Told {
    type Message = Rc<u8>;
    type Error = Infallible;

    fn handle(&mut self, _: Rc<u8>, _: &Context<Rc<u8>>) -> Result<(), Infallible> {
        Ok(())
    }
}

fn main() {
    // This one may be: its state is made where it lives.
    Builder::new().under(&mut Supervisor::one_for_one(), || Local(Rc::new(1)));
    let _ = spawn(Local(Rc::new(1)));
}
