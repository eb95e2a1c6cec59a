// SPDX-License-Identifier: BSD-3-Clause
//! One run of one program: on this terminal, or with its output read and checked against its row.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::machine::Machine;
use super::programs::Program;
use super::wire::{Peer, Wire};
use crate::run::{Session, interactive, shell_line, target_dir};

/// Of a guest that failed so many lines are shown.
const LAST_LINES: usize = 20;

/// Runs the program `name`, whose row is `row`, on this terminal.
pub fn on_terminal(row: &Program, name: &str, machine: Machine, arguments: &[String]) -> Result<(), String> {
    let arguments = if arguments.is_empty() { row.arguments.to_owned() } else { arguments.join(" ") };
    let command = emulator(row, name, machine, &arguments).map_err(|error| format!("no disk: {error}"))?;
    let Some(peer @ Peer::Device(_)) = row.peer else {
        let mut command = command;
        return interactive(command.args(["-serial", "stdio"]));
    };
    println!("$ {}", shell_line(&command));
    let ran = with_peer(command, peer, |mut command, uart| command.stdin(uart).status());
    let (status, played, output) = ran.map_err(|error| error.to_string())?;
    print!("{output}");
    played?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}

/// Runs `program` on `machine` and checks what its row says.
pub fn check(session: &mut Session, program: &Program, machine: Machine) {
    let (arguments, limit_s) = match program.long {
        Some(long) if session.long => (long.arguments, long.limit_s),
        _ => (program.arguments, program.limit_s),
    };
    let ends = Instant::now() + Duration::from_secs(limit_s);
    let of_suite = session.kill_at;
    session.kill_at = Some(of_suite.map_or(ends, |at| at.min(ends)));
    let ran = emulator(program, program.name, machine, arguments).and_then(|command| run(session, program, command));
    session.kill_at = of_suite;
    let what = format!("{} on {machine}", program.name);
    let (status, played, output) = match ran {
        Ok(ran) => ran,
        Err(error) => return session.fail(&format!("{what} did not run: {error}")),
    };
    match verdict(program, status.code(), &output).and(played) {
        Ok(()) => session.tally.passed += 1,
        Err(why) => session.fail(&format!("{what}: {why}; its last output:\n{}", last_lines(&output))),
    }
}

/// What a run came to, what the peer says about it, and what was printed.
type Ran = (ExitStatus, Result<(), String>, String);

fn run(session: &mut Session, program: &Program, mut command: Command) -> io::Result<Ran> {
    let Some(peer) = program.peer else {
        command.args(["-serial", "stdio"]);
        let (status, output) = session.run(command)?;
        return Ok((status, Ok(()), output));
    };
    let mut emulators_own = String::new();
    let (status, played, output) = with_peer(command, peer, |command, uart| {
        let (status, output) = session.run_with_input(command, uart)?;
        emulators_own = output;
        Ok(status)
    })?;
    output.lines().for_each(|line| session.say(line));
    Ok((status, played, emulators_own + &output))
}

/// Runs an emulator whose UART is its standard input, a socket, with `peer` at the other end.
fn with_peer(
    mut command: Command,
    peer: Peer,
    run: impl FnOnce(Command, Stdio) -> io::Result<ExitStatus>,
) -> io::Result<Ran> {
    let (ours, emulators) = UnixStream::pair()?;
    command.args(["-chardev", peer.chardev(), "-serial", "chardev:uart"]);
    thread::scope(|threads| {
        let peer = threads.spawn(move || Wire::new(ours).play(peer.play()));
        let status = run(command, Stdio::from(OwnedFd::from(emulators)));
        let (played, output) = peer.join().unwrap_or_else(|_| (Err("the peer panicked".to_owned()), String::new()));
        Ok((status?, played, output))
    })
}

/// The emulator with all of it but the UART.
fn emulator(row: &Program, name: &str, machine: Machine, arguments: &str) -> io::Result<Command> {
    let mut command = machine.emulator();
    command.args(row.emulator);
    if let Some(make) = row.disk {
        let path = target_dir().join("xtask").join(format!("{name}.disk"));
        std::fs::create_dir_all(target_dir().join("xtask"))?;
        std::fs::write(&path, make()?)?;
        command.arg("-drive").arg(format!("if=none,format=raw,id=disk,file={}", path.display()));
        command.args(["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-blk-device,drive=disk"]);
    }
    if !arguments.is_empty() {
        command.args(["-append", arguments]);
    }
    row.boot.tell(&mut command, machine, name)?;
    Ok(command)
}

fn verdict(program: &Program, code: Option<i32>, output: &str) -> Result<(), String> {
    if code != Some(program.exit_code) {
        let ended = code.map_or("killed after too long".to_owned(), |code| format!("exit code {code}"));
        return Err(format!("{ended}, not exit code {}", program.exit_code));
    }
    match program.prints.iter().find(|text| !output.contains(**text)) {
        Some(missing) => Err(format!("it did not print `{}`", missing.trim_end())),
        None => Ok(()),
    }
}

fn last_lines(output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::programs::SUCCEEDS;
    use super::*;

    const PROGRAM: Program = Program { name: "p", prints: &["done\n"], ..SUCCEEDS };

    #[test]
    fn a_program_that_hangs_fails_or_says_too_little_is_told_apart_from_one_that_passes() {
        assert_eq!(verdict(&PROGRAM, Some(0), "done\n"), Ok(()));
        assert!(verdict(&PROGRAM, None, "done\n").unwrap_err().contains("killed"));
        assert!(verdict(&PROGRAM, Some(102), "done\n").unwrap_err().contains("exit code 102"));
        assert!(verdict(&PROGRAM, Some(0), "don").unwrap_err().contains("did not print `done`"));
    }

    #[test]
    fn of_a_long_output_the_end_is_shown() {
        let output: String = (0..100).map(|line| format!("{line}\n")).collect();
        assert!(last_lines(&output).starts_with("80\n") && last_lines(&output).ends_with("99"));
        assert_eq!(last_lines("one\n"), "one");
    }

    /// The emulator is played by a shell, whose output goes to the socket that is its input.
    #[test]
    fn the_peer_is_at_the_other_end_of_the_emulators_input() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "read line; echo got $line >&0; exit 3"]);
        let peer = Peer::Device(|wire| wire.send(b"a word\n").and_then(|()| wire.until("\n").map(|_| ())));
        let (status, played, output) =
            with_peer(shell, peer, |mut command, uart| command.stdin(uart).status()).unwrap();
        assert_eq!((status.code(), played, output.as_str()), (Some(3), Ok(()), "got a word\n"));
    }
}
