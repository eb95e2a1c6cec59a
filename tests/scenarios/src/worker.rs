// SPDX-License-Identifier: BSD-3-Clause
//! The actor that most scenarios about actors use, and what it notes.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};

use kcoro_core::actor::{Actor, Builder, Context, Reply, StopReason};
use kcoro_core::channel::{self, Receiver};

/// What happened to the actors that share it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Counts>);

#[derive(Default)]
struct Counts {
    started: AtomicU32,
    stopped: AtomicU32,
    handled: AtomicU32,
    undelivered: AtomicU32,
}

impl Log {
    pub(crate) fn started(&self) -> u32 {
        self.0.started.load(Ordering::SeqCst)
    }

    pub(crate) fn stopped(&self) -> u32 {
        self.0.stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn handled(&self) -> u32 {
        self.0.handled.load(Ordering::SeqCst)
    }

    pub(crate) fn undelivered(&self) -> u32 {
        self.0.undelivered.load(Ordering::SeqCst)
    }

    pub(crate) fn note_stop(&self) {
        self.0.stopped.fetch_add(1, Ordering::SeqCst);
    }

    /// A builder that counts what is undelivered here.
    pub(crate) fn builder(&self, mailbox: channel::Builder<Do>) -> Builder<Do> {
        let log = self.clone();
        let counts = move |_, _| _ = log.0.undelivered.fetch_add(1, Ordering::SeqCst);
        Builder::new().mailbox(mailbox.on_undelivered(counts).build())
    }
}

/// What a [`Worker`] can be told.
pub(crate) enum Do {
    Count,
    Answer(Reply<u32>),
    Fail,
    Panic,
    Stop,
    /// Waits for this channel.
    Wait(Receiver<()>),
}

pub(crate) struct Worker {
    log: Log,
    sum: u32,
}

impl Worker {
    pub(crate) fn new(log: &Log) -> Self {
        Self { log: log.clone(), sum: 0 }
    }
}

impl Actor for Worker {
    type Message = Do;
    type Error = &'static str;

    fn on_start(&mut self, _: &Context<Do>) -> Result<(), Self::Error> {
        self.log.0.started.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn handle(&mut self, message: Do, context: &Context<Do>) -> Result<(), Self::Error> {
        self.log.0.handled.fetch_add(1, Ordering::SeqCst);
        match message {
            Do::Count => self.sum += 1,
            Do::Answer(reply) => drop(reply.send(self.sum)),
            Do::Fail => return Err("failed"),
            Do::Panic => panic!("on purpose"),
            Do::Stop => context.stop(),
            Do::Wait(go) => drop(go.recv()),
        }
        Ok(())
    }

    fn on_stop(&mut self, _: &StopReason<Self::Error>) {
        self.log.note_stop();
    }
}

/// How one ends.
pub(crate) type Ended = StopReason<&'static str>;
