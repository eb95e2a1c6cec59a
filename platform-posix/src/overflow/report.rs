// SPDX-License-Identifier: BSD-3-Clause
//! The message and the end of the process.
//!
//! Runs in a signal handler: it allocates nothing, takes no lock, and writes with `write(2)`.
#![expect(unsafe_code, reason = "writes by a raw system call and reads the name of the current coroutine")]

use core::fmt::{self, Write as _};

use kcoro_core::stack::RawStack;
use kcoro_core::task::fault::{StackOwner, current_stack_owner};

use crate::stacks::registry::GuardHit;

/// Says whose stack was overflown by the access to `address`, and aborts.
pub(super) fn abort_for_guard_hit(address: usize, hit: GuardHit) -> ! {
    // The fault may be a stray pointer into the guard of a stack that is not the current one: then no name is right.
    let owner = current_stack_owner().filter(|owner| owner.stack_limit == hit.limit);
    let mut message = Message::new();
    // Writing to a `Message` does not fail.
    let _ = describe(&mut message, owner.as_ref(), hit.limit, hit.end);
    let _ = writeln!(message, "kcoro: the access was to {address:#x}, in the guard below the stack");
    message.send_and_abort()
}

/// Says that the stack was found overflown when it came back, and aborts.
pub(crate) fn abort_for_canary(stack: &RawStack) -> ! {
    let (limit, top) = (stack.limit().addr().get(), stack.top().addr().get());
    let mut message = Message::new();
    let _ = describe(&mut message, None, limit, top);
    let _ = writeln!(
        message,
        "kcoro: found when the stack came back: the canary below it is broken, so memory may be corrupt"
    );
    message.send_and_abort()
}

fn describe(message: &mut Message, owner: Option<&StackOwner>, limit: usize, end: usize) -> fmt::Result {
    match owner {
        None => write!(message, "\nkcoro: a coroutine stack has overflowed; its owner is not known")?,
        Some(owner) => {
            write!(message, "\nkcoro: coroutine ")?;
            // SAFETY: the owner is the current coroutine and stays it: this function's callers do not return.
            if let Some(name) = owner.name.map(|name| unsafe { name.as_ref() }) {
                write!(message, "'{name}' ")?;
            }
            write!(message, "(id {}), spawned at {}, has overflowed its stack", owner.id, owner.spawn_site)?;
        }
    }
    let end = owner.map_or(end, |owner| owner.stack_top);
    writeln!(message, "\nkcoro: the stack has {} bytes, {limit:#x} to {end:#x}; ask for a larger one", end - limit)
}

/// A message in a buffer of fixed size; what does not fit is cut off.
struct Message {
    bytes: [u8; 1024],
    len: usize,
}

impl Message {
    fn new() -> Self {
        Self { bytes: [0; 1024], len: 0 }
    }

    fn send_and_abort(&self) -> ! {
        let mut rest = &self.bytes[..self.len];
        while !rest.is_empty() {
            // SAFETY: the bytes are valid for the call. Interruptions cannot be told apart cheaply here and do not
            // matter: an error or a closed descriptor ends the loop, and the abort still says that something is wrong.
            let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
                _ => break,
            }
        }
        std::process::abort()
    }
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.len..];
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use core::panic::Location;
    use core::ptr::NonNull;

    use super::{Message, StackOwner, describe};

    fn text(message: &Message) -> &str {
        core::str::from_utf8(&message.bytes[..message.len]).unwrap()
    }

    #[test]
    fn the_report_names_the_coroutine_its_spawn_site_and_its_stack() {
        let site = Location::caller();
        let mut owner = StackOwner::new(7, site, 0x1000, 0x5000);
        owner.name = Some(NonNull::from("parser"));
        let mut message = Message::new();
        describe(&mut message, Some(&owner), 0x1000, 0x6000).unwrap();
        let text = text(&message);
        assert!(text.contains("coroutine 'parser' (id 7)"), "{text}");
        assert!(text.contains(&format!("spawned at {}:{}:{}", site.file(), site.line(), site.column())), "{text}");
        assert!(text.contains("16384 bytes, 0x1000 to 0x5000"), "{text}");
    }

    #[test]
    fn a_stack_without_a_known_owner_is_named_by_its_addresses() {
        let mut message = Message::new();
        describe(&mut message, None, 0x1000, 0x6000).unwrap();
        assert!(text(&message).contains("owner is not known"));
        assert!(text(&message).contains("20480 bytes, 0x1000 to 0x6000"));
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_off() {
        use core::fmt::Write as _;
        let mut message = Message::new();
        for _ in 0..300 {
            message.write_str("12345").unwrap();
        }
        assert_eq!(message.len, message.bytes.len());
    }
}
