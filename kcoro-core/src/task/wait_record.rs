// SPDX-License-Identifier: BSD-3-Clause
//! What a parked coroutine waits for, and since when: written by itself as it parks, for whoever asks later.
//!
//! Two words beside the claim, stored without ordering and never cleared: they mean something only while the coroutine is
//! parked, and who reads them has made sure that it is and stays so ([`Claim::hold`](super::claim::Claim::hold)), which
//! orders the reads after the stores. A wake costs nothing.

use core::fmt;

use crate::primitive::atomic::{AtomicU64, Ordering};

/// Which channel: equal for all handles of one channel, and unequal for any two channels that exist at the same time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(u64);

/// Which scope: equal for all children of one scope, and unequal for any two scopes that exist at the same time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(u64);

/// Which lock, semaphore, event or other object of `sync`: equal for all who wait for one object, and unequal for any two
/// objects that exist at the same time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyncId(u64);

impl SyncId {
    #[inline(always)]
    pub(crate) fn of<T: ?Sized>(object: *const T) -> Self {
        Self(self::object(object))
    }
}

/// Which cancel token: equal for all clones of one token, and unequal for any two tokens that exist at the same time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(u64);

impl ChannelId {
    #[inline(always)]
    pub(crate) fn of<T: ?Sized>(channel: *const T) -> Self {
        Self(object(channel))
    }
}

#[cfg(feature = "alloc")]
impl ScopeId {
    #[inline(always)]
    pub(crate) fn of<T: ?Sized>(scope: *const T) -> Self {
        Self(object(scope))
    }
}

impl TokenId {
    pub(crate) fn of<T: ?Sized>(token: *const T) -> Self {
        Self(object(token))
    }
}

/// An object by its address, less the top byte, where some processors keep a tag.
#[inline(always)]
fn object<T: ?Sized>(address: *const T) -> u64 {
    address.addr() as u64 & OBJECT
}

macro_rules! shown_as_address {
    ($($id:ty)*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
    )*};
}
shown_as_address!(ChannelId ScopeId SyncId TokenId);

/// What a parked coroutine waits for.
// No variant has the name of a trait: the compiler's messages would then spell out the path of the trait everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitsFor {
    /// A value of this channel.
    ToReceive(ChannelId),
    /// Room in this channel or, if it has no buffer, a receiver.
    ToSend(ChannelId),
    /// The end of the coroutine with this number, of the same runtime.
    Join(u64),
    /// The end of the coroutine with this number, of another runtime.
    JoinElsewhere(u64),
    /// A point in time.
    Sleep,
    /// The end of the children of this scope.
    Children(ScopeId),
    /// A place below its runtime's limit of live coroutines.
    SpawnLimit,
    /// A future that [`block_on`](crate::wait::block_on) runs, to be woken.
    BlockOn,
    /// The end of another runtime's coroutines.
    Shutdown,
    /// One of the arms of a [`select!`](crate::select!).
    Select,
    /// A lock that another holds.
    Lock(SyncId),
    /// Permits of a semaphore.
    Permit(SyncId),
    /// A notification: of a condition variable, an event, a barrier, a wait group.
    Signal(SyncId),
    /// The cancel of this token.
    Cancel(TokenId),
    /// The reply of the actor with this mailbox, which has been asked.
    Reply(ChannelId),
}

const KIND_SHIFT: u32 = 56;
const OBJECT: u64 = (1 << KIND_SHIFT) - 1;

impl WaitsFor {
    /// Kind and object in one word.
    #[inline(always)]
    fn encode(self) -> u64 {
        let (kind, object) = match self {
            Self::ToReceive(channel) => (1, channel.0),
            Self::ToSend(channel) => (2, channel.0),
            Self::Join(id) => (3, id),
            Self::JoinElsewhere(id) => (4, id),
            Self::Sleep => (5, 0),
            Self::Children(scope) => (6, scope.0),
            Self::SpawnLimit => (7, 0),
            Self::BlockOn => (8, 0),
            Self::Shutdown => (9, 0),
            Self::Select => (10, 0),
            Self::Lock(id) => (12, id.0),
            Self::Permit(id) => (13, id.0),
            Self::Signal(id) => (14, id.0),
            Self::Cancel(token) => (11, token.0),
            Self::Reply(mailbox) => (15, mailbox.0),
        };
        (kind << KIND_SHIFT) | (object & OBJECT)
    }

    /// The kind in two words, and the number or address of the object, if it has one.
    pub(crate) fn kind_and_object(self) -> (&'static str, u64) {
        match self {
            Self::ToReceive(channel) => ("a value", channel.0),
            Self::ToSend(channel) => ("room", channel.0),
            Self::Join(id) | Self::JoinElsewhere(id) => ("a join", id),
            Self::Sleep => ("a time", 0),
            Self::Children(scope) => ("children", scope.0),
            Self::SpawnLimit => ("a place", 0),
            Self::BlockOn => ("a future", 0),
            Self::Shutdown => ("a shutdown", 0),
            Self::Select => ("a select", 0),
            Self::Lock(id) => ("a lock", id.0),
            Self::Permit(id) => ("a permit", id.0),
            Self::Signal(id) => ("a signal", id.0),
            Self::Cancel(token) => ("a cancel", token.0),
            Self::Reply(mailbox) => ("a reply", mailbox.0),
        }
    }

    fn decode(word: u64) -> Option<Self> {
        let object = word & OBJECT;
        Some(match word >> KIND_SHIFT {
            1 => Self::ToReceive(ChannelId(object)),
            2 => Self::ToSend(ChannelId(object)),
            3 => Self::Join(object),
            4 => Self::JoinElsewhere(object),
            5 => Self::Sleep,
            6 => Self::Children(ScopeId(object)),
            7 => Self::SpawnLimit,
            8 => Self::BlockOn,
            9 => Self::Shutdown,
            10 => Self::Select,
            12 => Self::Lock(SyncId(object)),
            13 => Self::Permit(SyncId(object)),
            14 => Self::Signal(SyncId(object)),
            11 => Self::Cancel(TokenId(object)),
            15 => Self::Reply(ChannelId(object)),
            _ => return None,
        })
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToReceive(channel) => write!(f, "a value from channel {channel}"),
            Self::ToSend(channel) => write!(f, "room in channel {channel}"),
            Self::Join(id) => write!(f, "the end of coroutine {id}"),
            Self::JoinElsewhere(id) => write!(f, "the end of coroutine {id} of another runtime"),
            Self::Sleep => f.write_str("a point in time"),
            Self::Children(scope) => write!(f, "the children of scope {scope}"),
            Self::SpawnLimit => f.write_str("a place below the limit of live coroutines"),
            Self::BlockOn => f.write_str("a future"),
            Self::Shutdown => f.write_str("the end of another runtime"),
            Self::Select => f.write_str("one of the arms of a select"),
            Self::Lock(id) => write!(f, "lock {id}"),
            Self::Permit(id) => write!(f, "permits of semaphore {id}"),
            Self::Signal(id) => write!(f, "a signal of {id}"),
            Self::Cancel(token) => write!(f, "the cancel of token {token}"),
            Self::Reply(mailbox) => write!(f, "the reply of the actor with mailbox {mailbox}"),
        }
    }
}

/// See the [module](self).
pub(crate) struct WaitRecord {
    what: AtomicU64,
    since_ns: AtomicU64,
    /// The mailbox of the actor whose life the coroutine is; zero is none.
    #[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "actors need an allocator"))]
    serves: AtomicU64,
}

impl WaitRecord {
    pub(crate) fn new() -> Self {
        Self { what: AtomicU64::new(0), since_ns: AtomicU64::new(0), serves: AtomicU64::new(0) }
    }

    /// Notes what the coroutine, which is the caller and about to park, waits for.
    #[inline(always)]
    pub(crate) fn note(&self, what: WaitsFor, since_ns: u64) {
        // Relaxed: the publication of the park orders both before the reads.
        self.what.store(what.encode(), Ordering::Relaxed);
        self.since_ns.store(since_ns, Ordering::Relaxed);
    }

    /// Notes that the coroutine, which is the caller, is from now on the actor with this mailbox: it owes the replies to what
    /// is asked there.
    #[cfg(feature = "alloc")]
    pub(crate) fn serve(&self, mailbox: ChannelId) {
        // Relaxed: as in `note`.
        self.serves.store(mailbox.0, Ordering::Relaxed);
    }

    /// The mailbox of the actor that the coroutine is, if it is one.
    #[cfg(feature = "alloc")]
    pub(crate) fn serves(&self) -> Option<ChannelId> {
        // Relaxed: of one that runs it is a hint, as all that is told of it.
        let mailbox = self.serves.load(Ordering::Relaxed);
        (mailbox != 0).then_some(ChannelId(mailbox))
    }

    /// What was noted last, and when. Only who holds the parked coroutine learns from it what it waits for now.
    pub(crate) fn read(&self) -> Option<(WaitsFor, u64)> {
        // Relaxed: holding the coroutine has ordered the stores before.
        let what = WaitsFor::decode(self.what.load(Ordering::Relaxed))?;
        Some((what, self.since_ns.load(Ordering::Relaxed)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ChannelId, OBJECT, ScopeId, SyncId, TokenId, WaitRecord, WaitsFor};

    #[test]
    fn each_wait_is_read_as_it_was_noted() {
        let record = WaitRecord::new();
        assert_eq!(record.read(), None);
        for what in [
            WaitsFor::ToReceive(ChannelId(0x7fff_0010)),
            WaitsFor::ToSend(ChannelId(8)),
            WaitsFor::Join(OBJECT),
            WaitsFor::JoinElsewhere(1),
            WaitsFor::Sleep,
            WaitsFor::Children(ScopeId(16)),
            WaitsFor::SpawnLimit,
            WaitsFor::BlockOn,
            WaitsFor::Shutdown,
            WaitsFor::Select,
            WaitsFor::Lock(SyncId(24)),
            WaitsFor::Permit(SyncId(32)),
            WaitsFor::Signal(SyncId(40)),
            WaitsFor::Cancel(TokenId(24)),
            WaitsFor::Reply(ChannelId(48)),
        ] {
            record.note(what, 7);
            assert_eq!(record.read(), Some((what, 7)));
        }
    }

    #[test]
    fn a_tagged_address_names_the_same_object() {
        let plain = core::ptr::without_provenance::<u8>(0x1234_5670);
        let tagged = core::ptr::without_provenance::<u8>(0x1234_5670 | (0x5a << (usize::BITS - 8)));
        assert_eq!(ChannelId::of(plain), ChannelId::of(tagged));
    }
}
