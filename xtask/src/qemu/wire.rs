// SPDX-License-Identifier: BSD-3-Clause
//! The other end of a program's UART: a socket that loses nothing, from the first byte on.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// Plays the other end. What it returns as an error fails the run.
pub type Play = fn(&mut Wire) -> Result<(), String>;

/// Who is at the other end of a program's UART.
#[derive(Clone, Copy)]
pub enum Peer {
    /// A device, without which the program can do nothing.
    Device(Play),
    /// A user, whose place is taken by whoever runs the program on a terminal.
    User(Play),
}

impl Peer {
    pub fn play(self) -> Play {
        match self {
            Self::Device(play) | Self::User(play) => play,
        }
    }

    /// What of the emulator's is at the UART: its standard input, which is a socket. A user's is a terminal: Ctrl-A and `b` hold
    /// the line at zero.
    pub fn chardev(self) -> &'static str {
        match self {
            Self::Device(_) => "socket,id=uart,fd=0",
            Self::User(_) => "socket,id=uart,fd=0,mux=on",
        }
    }
}

/// A UART's other end, with all that has come over it.
pub struct Wire {
    stream: UnixStream,
    received: Vec<u8>,
    /// How much of that has been asked for.
    taken: usize,
}

impl Wire {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, received: Vec::new(), taken: 0 }
    }

    /// Plays `play`, reads what comes after, and gives all that has come. It ends with the emulator.
    pub fn play(mut self, play: Play) -> (Result<(), String>, String) {
        let played = play(&mut self);
        while self.fill() {}
        (played, String::from_utf8_lossy(&self.received).into_owned())
    }

    /// Sends `bytes` to the program.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).map_err(|error| format!("cannot send {bytes:?}: {error}"))
    }

    /// The next byte; `None` when the program has ended.
    pub fn byte(&mut self) -> Option<u8> {
        while self.taken == self.received.len() {
            if !self.fill() {
                return None;
            }
        }
        self.taken += 1;
        Some(self.received[self.taken - 1])
    }

    /// What comes up to the next `text` and with it.
    pub fn until(&mut self, text: &str) -> Result<String, String> {
        let begin = self.taken;
        while !self.received[begin..self.taken].ends_with(text.as_bytes()) {
            self.byte().ok_or_else(|| format!("the program ended before it sent `{}`", text.escape_debug()))?;
        }
        Ok(String::from_utf8_lossy(&self.received[begin..self.taken]).into_owned())
    }

    /// Whether more has come before the end.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // An emulator that is killed may reset the connection: an end, too.
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        self.received.extend(&bytes[..count]);
        count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(sent: &[u8], play: Play) -> (Result<(), String>, String) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(sent).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        Wire::new(ours).play(play)
    }

    #[test]
    fn what_comes_is_given_in_pieces_and_all_of_it_in_the_end() {
        let (result, all) = played(b"one> two> rest", |wire| {
            assert_eq!(wire.until("> ")?, "one> ");
            assert_eq!((wire.byte(), wire.until("> ")?.as_str()), (Some(b't'), "wo> "));
            Ok(())
        });
        assert_eq!((result, all.as_str()), (Ok(()), "one> two> rest"));
    }

    #[test]
    fn a_program_that_ends_early_is_an_error() {
        let (result, all) = played(b"half", |wire| wire.until("whole\n").map(|_| ()));
        assert!(result.unwrap_err().contains("ended before it sent `whole\\n`"));
        assert_eq!(all, "half");
    }
}
