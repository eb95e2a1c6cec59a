// SPDX-License-Identifier: BSD-3-Clause
//! A user of the shell, who reads each answer.

use crate::qemu::wire::Wire;

const PROMPT: &str = "> ";
/// As a terminal of the emulator's takes it: Ctrl-A and `b`.
const BREAK: &[u8] = b"\x01b";
/// More than rings and FIFO hold.
const FLOOD: usize = 40;

/// Types commands until the shell is left.
pub fn type_commands(wire: &mut Wire) -> Result<(), String> {
    wire.until(PROMPT)?;
    expect(wire, "echo some words", "some words\n")?;
    expect(wire, "work", "others have done 1000 pieces of work meanwhile\n")?;
    expect(wire, "spawn 20", "20 coroutines have returned, with 190 in all\n")?;
    // It tells when it wakes, between whatever else is written.
    wire.send(b"sleep 2\n")?;
    wire.until("a coroutine sleeps\n")?;
    wire.until("a sleeper has slept 2 ms\n")?;
    let text = "x".repeat(900);
    expect(wire, &format!("echo {text}"), &format!("{text}\n"))?;
    // Several in one go are taken one after the other.
    wire.send(b"echo one\necho two\r\necho three\n")?;
    for answer in ["one", "two", "three"] {
        wire.until(&format!("{answer}\n> "))?;
    }
    flood(wire)?;
    wire.send(b"half a comm")?;
    wire.send(BREAK)?;
    wire.until("on the line: the line was held at zero (break)\n> ")?;
    expect(wire, "stats", " pieces of work\n")?;
    wire.send(b"quit\n")?;
    wire.until("goodbye\n").map(drop)
}

fn expect(wire: &mut Wire, command: &str, answer: &str) -> Result<(), String> {
    wire.send(command.as_bytes())?;
    wire.send(b"\n")?;
    let all = wire.until(PROMPT)?;
    if all.ends_with(&format!("{answer}{PROMPT}")) {
        Ok(())
    } else {
        Err(format!("`{command}` was answered `{}`", all.escape_debug()))
    }
}

/// Nothing of it is lost, and it is in order.
fn flood(wire: &mut Wire) -> Result<(), String> {
    wire.send(format!("flood {FLOOD}\n").as_bytes())?;
    for line in 0..FLOOD {
        let got = wire.until("\n")?;
        if !got.contains(&format!("line {line} of a flood")) {
            return Err(format!("line {line} of the flood is `{}`", got.escape_debug()));
        }
    }
    wire.until(&format!("{FLOOD} lines have gone out\n> ")).map(drop)
}
