// SPDX-License-Identifier: BSD-3-Clause
//! A thread that runs one context, and the letters by which it gets the baton.
//!
//! Every misuse that would corrupt a stack on hardware (a context resumed twice, or while it still runs) ends the program
//! with a message here.

use core::cell::{OnceCell, RefCell};
use core::ptr;
use std::boxed::Box;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::host::Host;
use super::{FreshFrame, StackPointer, Word};
use crate::arch::SuspendedFrame;

/// See the [module](self). Its address is the saved stack pointer of its context.
#[repr(C)]
pub(super) struct Context {
    /// First, for whoever looks at a suspended context. Its words are null: a fresh context has a resume address, and a
    /// walk by frame pointers ends here.
    frame: SuspendedFrame,
    place: Mutex<Place>,
    bell: Condvar,
}

// SAFETY: the frame is never written; the rest is shared by a lock.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

struct Place {
    /// Whether it has saved itself, so that it may be handed the baton.
    waiting: bool,
    letter: Option<Letter>,
    /// Of a thread that was started for this context.
    thread: Option<JoinHandle<()>>,
}

/// What comes with the baton.
pub(super) struct Letter {
    /// The parent for a child, the child for a parent.
    pub(super) peer: StackPointer,
    pub(super) word: Word,
    pub(super) request: usize,
    /// A child that has ended, but for the frame that the word points to.
    finished: Option<Arc<Context>>,
    /// The thread of a context that has left for good.
    ended: Option<JoinHandle<()>>,
    host: Host,
}

// SAFETY: its pointers are for the receiver, who runs in the sender's place.
unsafe impl Send for Letter {}

impl Letter {
    /// Carries the baton and nothing else.
    pub(super) fn empty() -> Self {
        Self {
            peer: ptr::null_mut(),
            word: Word::uninit(),
            request: 0,
            finished: None,
            ended: None,
            host: Host::here(),
        }
    }

    /// Resumes a child.
    pub(super) fn from_parent(sender: &Arc<Context>, word: Word, request: usize) -> Self {
        Self { peer: sender.stack_pointer(), word, request, ..Self::empty() }
    }

    /// Suspends to a parent.
    pub(super) fn from_child(sender: &Arc<Context>, word: Word) -> Self {
        Self { peer: sender.stack_pointer(), word, ..Self::empty() }
    }

    /// Tells a parent that its child `sender` has finished.
    pub(super) fn from_finished(sender: &Arc<Context>, word: Word) -> Self {
        Self { word, finished: Some(sender.clone()), ..Self::empty() }
    }

    /// From `sender`, whose thread ends now: the receiver waits for that.
    pub(super) fn from_ended(sender: &Context) -> Self {
        let ended = sender.place().thread.take();
        require(ended.is_some(), "a thread of the program left as only a context may");
        Self { ended, ..Self::empty() }
    }
}

std::thread_local! {
    static CURRENT: OnceCell<Current> = const { OnceCell::new() };
}

/// The context of this thread.
struct Current {
    context: Arc<Context>,
    /// A child that has finished and may still be read from.
    finished: RefCell<Option<Arc<Context>>>,
}

impl Current {
    fn new(context: Arc<Context>) -> Self {
        Self { context, finished: RefCell::new(None) }
    }

    /// Ends the thread of a finished child. Its parent goes on, so it has read the child's last word.
    fn bury_finished(&self) {
        let Some(child) = self.finished.take() else { return };
        let thread = child.place().thread.take();
        child.deliver(Letter::empty());
        join(thread);
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        self.bury_finished();
    }
}

impl Context {
    fn new(waiting: bool) -> Arc<Self> {
        let frame = SuspendedFrame::default();
        let place = Mutex::new(Place { waiting, letter: None, thread: None });
        Arc::new(Self { frame, place, bell: Condvar::new() })
    }

    /// The context that runs now.
    pub(super) fn current() -> Arc<Self> {
        CURRENT.with(|current| {
            let current = current.get_or_init(|| Current::new(Context::new(false)));
            current.bury_finished();
            current.context.clone()
        })
    }

    pub(super) fn stack_pointer(self: &Arc<Self>) -> StackPointer {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// The context at a saved stack pointer. A fresh one gets a thread, which starts with `begin` at the first letter.
    ///
    /// # Safety
    ///
    /// `at` points to a suspended context, or to one that was built for `begin` and is reached for the first time.
    pub(super) unsafe fn at(at: StackPointer, begin: Begin) -> Arc<Self> {
        // SAFETY: the frame is the first field of both; a suspended context is kept alive by its thread.
        unsafe {
            if !(*at.cast::<SuspendedFrame>()).resume_address.is_null() {
                return Self::start(at.cast::<FreshFrame>().read(), begin);
            }
            let context: *const Context = at.cast();
            Arc::increment_strong_count(context);
            Arc::from_raw(context)
        }
    }

    fn start(fresh: FreshFrame, begin: Begin) -> Arc<Self> {
        let context = Self::new(true);
        let beginning = Beginning { begin, entry: fresh.entry, data: fresh.suspended.base_pointer.cast_mut() };
        let own = context.clone();
        let thread = thread::Builder::new().name("kcoro context".into()).spawn(move || beginning.live(own));
        context.place().thread = Some(thread.expect("Miri starts as many threads as it is asked for"));
        context
    }

    /// From now on the context may be handed the baton.
    pub(super) fn begin_wait(&self) {
        self.place().waiting = true;
    }

    /// Hands the baton to this context.
    pub(super) fn deliver(&self, letter: Letter) {
        let mut place = self.place();
        require(place.waiting && place.letter.is_none(), "a context was resumed twice, or while it ran");
        place.letter = Some(letter);
        self.bell.notify_one();
    }

    /// Blocks until this context, which is the caller's, is handed the baton.
    pub(super) fn wait(&self) -> Letter {
        let no_letter = |place: &mut Place| place.letter.is_none();
        let mut place = self.bell.wait_while(self.place(), no_letter).unwrap_or_else(PoisonError::into_inner);
        place.waiting = false;
        let mut letter = place.letter.take().expect("waited for it");
        drop(place);
        letter.host.put_in_force();
        join(letter.ended.take());
        if let Some(child) = letter.finished.take() {
            CURRENT.with(|current| current.get().expect("it waits").finished.replace(Some(child)));
        }
        letter
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a fresh context at its first letter.
pub(super) type Begin = unsafe fn(&Beginning, &Letter) -> !;

/// What a context's thread starts with.
pub(super) struct Beginning {
    begin: Begin,
    pub(super) entry: *const (),
    pub(super) data: *mut (),
}

// SAFETY: its pointers are for the context, whose thread runs in the place of whoever first switches to it.
unsafe impl Send for Beginning {}

impl Beginning {
    /// The whole life of a context.
    fn live(self, context: Arc<Context>) {
        CURRENT.with(|current| _ = current.set(Current::new(context.clone())));
        let letter = context.wait();
        // SAFETY: whoever first reached the context knew how it begins.
        let ended = catch_unwind(AssertUnwindSafe(|| unsafe { (self.begin)(&self, &letter) }));
        require(ended.is_err_and(|payload| payload.is::<End>()), "a panic left the first function of a context");
    }
}

/// Unwinds a context whose last frames hold nothing to drop: the only way to end a thread from inside.
struct End;

/// Ends the caller's thread. Somebody else has the baton.
pub(super) fn end_thread() -> ! {
    Host::forget();
    resume_unwind(Box::new(End))
}

fn join(thread: Option<JoinHandle<()>>) {
    // A thread that ended by a panic has aborted the program before.
    let _ = thread.map(JoinHandle::join);
}

/// Ends the program unless `kept`: what comes next would be undefined behaviour on hardware.
fn require(kept: bool, otherwise: &str) {
    if !kept {
        // Nothing is left to do if even this write fails.
        let _ = writeln!(std::io::stderr(), "kcoro: {otherwise}");
        std::process::abort();
    }
}
