// SPDX-License-Identifier: BSD-3-Clause
//! `KCORO_SEED`: the one seed to run instead of many.

use std::env::{self, VarError};

/// The variable's name.
pub(crate) const VARIABLE: &str = "KCORO_SEED";

/// The seed that the environment asks for.
///
/// # Errors
///
/// What is wrong with the variable.
pub(crate) fn requested_seed() -> Result<Option<u64>, String> {
    match env::var(VARIABLE) {
        Ok(text) => parse(&text).map(Some),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(text)) => Err(refusal(&text.to_string_lossy())),
    }
}

fn parse(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| refusal(text))
}

fn refusal(text: &str) -> String {
    format!("{VARIABLE} is `{text}`, which is not a seed: a whole number from 0 to {}", u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_seed_is_a_whole_number_and_anything_else_is_named() {
        assert_eq!(parse("17"), Ok(17));
        assert_eq!(parse(" 18446744073709551615\n"), Ok(u64::MAX));
        for wrong in ["", "-1", "1.5", "0x10", "seed", "18446744073709551616"] {
            let refusal = parse(wrong).unwrap_err();
            assert!(refusal.contains("KCORO_SEED") && refusal.contains(&format!("`{wrong}`")), "{refusal}");
        }
    }
}
