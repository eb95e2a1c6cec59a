// SPDX-License-Identifier: BSD-3-Clause
//! The machines that programs run on, and how the emulator is told.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use crate::run::{command, target_dir};

/// What programs are built for.
pub const TARGET: &str = "aarch64-unknown-none";

/// The machine that a program runs on.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Machine {
    /// How many cores
    #[arg(long, default_value_t = 4)]
    pub smp: usize,
    /// Which interrupt controller: version 2 or 3
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=3))]
    pub gic: u8,
    /// The exception level that cores start at: 1, 2, or 3, which is refused
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub el: u8,
    /// Optimised
    #[arg(long)]
    pub release: bool,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let build = if self.release { "release" } else { "debug" };
        write!(f, "--smp {} --gic {} --el {}, {build}", self.smp, self.gic, self.el)
    }
}

/// The machines of a run in CI: with both builds all pairs of properties. A long run takes all.
const PAIRS: [(u8, u8, usize); 4] = [(2, 1, 1), (2, 2, 4), (3, 1, 4), (3, 2, 1)];

/// How much of the matrix is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// So much that each two properties meet.
    Pairs,
    All,
}

impl Part {
    pub fn of(long: bool) -> Self {
        if long { Self::All } else { Self::Pairs }
    }

    /// The machines for programs that are built so.
    pub fn machines(self, release: bool) -> Vec<Machine> {
        let chosen = match self {
            Self::Pairs => PAIRS.to_vec(),
            Self::All => all(),
        };
        chosen.into_iter().map(|(gic, el, smp)| Machine { smp, gic, el, release }).collect()
    }
}

fn all() -> Vec<(u8, u8, usize)> {
    let levels = [2, 3].into_iter().flat_map(|gic| [1, 2].map(|el| (gic, el)));
    levels.flat_map(|(gic, el)| [1, 4].map(|smp| (gic, el, smp))).collect()
}

impl Machine {
    /// The emulator as this machine, without what it runs and without a UART.
    pub fn emulator(self) -> Command {
        let Machine { smp, gic, el, .. } = self;
        let levels = ["", ",virtualization=on", ",secure=on"][usize::from(el) - 1];
        // Without `-nic none` the emulator of Debian 12 wants a file that it does not have.
        command(
            "qemu-system-aarch64",
            &format!(
                "-machine virt,gic-version={gic}{levels} -cpu max -smp {smp} -m 128M -display none -monitor none -nic none \
                 -semihosting-config enable=on,target=native"
            ),
        )
    }

    /// Where cargo puts `program`, built as this machine wants it.
    pub fn image(self, program: &str) -> PathBuf {
        target_dir().join(TARGET).join(if self.release { "release" } else { "debug" }).join(program)
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn the_sample_has_every_pair_of_properties() {
        for part in [Part::Pairs, Part::All] {
            let machines = part.machines(false);
            for (gic, el, smp) in [(2, 1, 1), (2, 2, 4), (3, 1, 4), (3, 2, 1)] {
                assert!(machines.iter().any(|machine| (machine.gic, machine.el) == (gic, el)));
                assert!(machines.iter().any(|machine| (machine.gic, machine.smp) == (gic, smp)));
                assert!(machines.iter().any(|machine| (machine.el, machine.smp) == (el, smp)));
            }
        }
        assert_eq!(Part::All.machines(false).len(), 8);
    }
}
