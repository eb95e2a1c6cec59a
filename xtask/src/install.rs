// SPDX-License-Identifier: BSD-3-Clause
//! The commands that install things, and where they may run.

use std::collections::BTreeSet;
use std::process::Command;

use crate::run::{cargo, command, interactive, shell_line, stdout_of, succeeds};
use crate::setup::tool_directory;

/// What is to be installed.
#[derive(Default)]
pub struct Plan {
    pub packages: BTreeSet<&'static str>,
    pub targets: Vec<&'static str>,
    pub components: Vec<&'static str>,
    pub minimum_rust: Option<String>,
    pub nightly: bool,
    pub nightly_components: Vec<&'static str>,
    pub cargo_deny: Option<&'static str>,
    pub reuse: Option<&'static str>,
}

impl Plan {
    /// Installs everything, or prints the commands and fails where one of them cannot work.
    pub fn carry_out(&self) -> Result<(), String> {
        let mut commands = self.commands();
        if let Some(obstacle) = self.obstacle() {
            let lines: Vec<_> = commands.iter().map(|command| format!("  {}", shell_line(command))).collect();
            return Err(format!("{obstacle}; run this where you may, then try again:\n{}", lines.join("\n")));
        }
        commands.iter_mut().try_for_each(run_with_retry)
    }

    fn obstacle(&self) -> Option<&'static str> {
        let (needs_apt, needs_rustup) = (!self.packages.is_empty(), self.needs_rustup());
        if needs_apt && !succeeds(command("apt-get", "--version")) {
            Some("there is no apt-get here")
        } else if needs_apt && !is_root() && !succeeds(command("sudo", "-n true")) {
            Some("Debian packages need root, and sudo without a password is not to be had")
        } else if needs_rustup && !succeeds(command("rustup", "--version")) {
            Some("there is no rustup here")
        } else {
            None
        }
    }

    fn needs_rustup(&self) -> bool {
        self.nightly
            || self.minimum_rust.is_some()
            || ![&self.targets, &self.components, &self.nightly_components].into_iter().all(Vec::is_empty)
    }

    fn commands(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        if !self.packages.is_empty() {
            let packages: Vec<_> = self.packages.iter().copied().collect();
            // With old lists, or none as on a new machine, nothing can be installed.
            commands.push(apt_get("update"));
            commands.push(apt_get(&format!("install --yes --no-install-recommends {}", packages.join(" "))));
        }
        if !self.targets.is_empty() {
            commands.push(command("rustup", &format!("target add {}", self.targets.join(" "))));
        }
        if !self.components.is_empty() {
            commands.push(command("rustup", &format!("component add {}", self.components.join(" "))));
        }
        if let Some(version) = &self.minimum_rust {
            let install = "toolchain install --profile minimal --no-self-update";
            commands.push(command("rustup", &format!("{install} {version}")));
        }
        if self.nightly {
            // With all that is asked of it, so that rustup goes back to the latest night that had it all.
            let components: String =
                self.nightly_components.iter().map(|name| format!(" --component {name}")).collect();
            let install = "toolchain install nightly --profile minimal --no-self-update";
            commands.push(command("rustup", &format!("{install}{components}")));
        } else if !self.nightly_components.is_empty() {
            let components = self.nightly_components.join(" ");
            commands.push(command("rustup", &format!("component add --toolchain nightly {components}")));
        }
        commands.extend(self.cargo_deny.map(cargo_deny));
        commands.extend(self.reuse.into_iter().flat_map(reuse));
        commands
    }
}

/// Package mirrors fail now and then.
fn run_with_retry(command: &mut Command) -> Result<(), String> {
    interactive(command).or_else(|error| {
        println!("{error}; trying once more");
        interactive(command)
    })
}

fn is_root() -> bool {
    stdout_of(command("id", "-u")).as_deref() == Some("0")
}

fn apt_get(arguments: &str) -> Command {
    let line = format!("env DEBIAN_FRONTEND=noninteractive apt-get {arguments}");
    if is_root() { command("env", line.trim_start_matches("env ")) } else { command("sudo", &line) }
}

/// Not optimised: it runs for a second on our few dependencies, and optimising it takes minutes.
fn cargo_deny(version: &str) -> Command {
    let directory = tool_directory("cargo-deny", version);
    let mut command = cargo("install --locked --debug --config profile.dev.debug=false --no-default-features");
    command.args(["--root", &directory, "--version", version, "cargo-deny"]);
    // Built in a directory of its own, not in the target directory that someone may have set for this checkout.
    command.env_remove("CARGO_TARGET_DIR");
    command
}

fn reuse(version: &str) -> [Command; 2] {
    let directory = tool_directory("reuse", version);
    let mut environment = command("python3", "-m venv --clear");
    environment.arg(&directory);
    let mut install = command(&format!("{directory}/bin/pip"), "install --quiet --disable-pip-version-check");
    install.arg(format!("reuse=={version}"));
    [environment, install]
}
