// SPDX-License-Identifier: BSD-3-Clause
//! The settings in the attribute: `seeds = 1000, workers = 3`.

use proc_macro::{Ident, Span, TokenStream, TokenTree};

use crate::error::Error;

/// The methods of `Sim` that are settings.
const SETTINGS: &[&str] = &[
    "workers",
    "step_limit",
    "step_cost",
    "limit",
    "early_jumps",
    "turn_time",
    "strategy",
    "shrink_runs",
    "shrink_time",
    "allow_real",
];

/// Like `Sim::check`, it needs seeds; a test that names none gets so many.
const DEFAULT_SEEDS: &str = "100";

/// See the [module](self).
pub(crate) struct Settings {
    /// What stands behind `seeds =`.
    pub(crate) seeds: TokenStream,
    /// The others: a method of `Sim`, and its argument.
    pub(crate) others: Vec<(Ident, TokenStream)>,
}

impl Settings {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self, Error> {
        let mut settings = Self { seeds: TokenStream::new(), others: Vec::new() };
        let mut tokens = tokens.into_iter().peekable();
        while tokens.peek().is_some() {
            let (name, value) = setting(&mut tokens)?;
            settings.add(name, value)?;
        }
        if settings.seeds.is_empty() {
            settings.seeds = super::code(DEFAULT_SEEDS);
        }
        Ok(settings)
    }

    fn add(&mut self, name: Ident, value: TokenStream) -> Result<(), Error> {
        let text = name.to_string();
        let is_seeds = text == "seeds";
        let is_there = if is_seeds {
            !self.seeds.is_empty()
        } else {
            self.others.iter().any(|(known, _)| known.to_string() == text)
        };
        if is_there {
            return Err(Error::new(name.span(), format!("`{text}` is set twice")));
        }
        if is_seeds {
            self.seeds = value;
        } else if SETTINGS.contains(&text.as_str()) {
            self.others.push((name, value));
        } else {
            let known = SETTINGS.join("`, `");
            return Err(Error::new(name.span(), format!("there is no setting `{text}`: there are `seeds`, `{known}`")));
        }
        Ok(())
    }
}

/// Reads `name = value` and the comma behind it, if there is one.
fn setting(tokens: &mut impl Iterator<Item = TokenTree>) -> Result<(Ident, TokenStream), Error> {
    let wrong = |at: Span| Error::new(at, "a setting is a name and a value: `seeds = 1000`");
    let name = match tokens.next() {
        Some(TokenTree::Ident(name)) => name,
        other => return Err(wrong(other.map_or_else(Span::call_site, |token| token.span()))),
    };
    match tokens.next() {
        Some(TokenTree::Punct(sign)) if sign.as_char() == '=' => {}
        _ => return Err(wrong(name.span())),
    }
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',');
    let value: TokenStream = tokens.take_while(|token| !is_comma(token)).collect();
    if value.is_empty() { Err(wrong(name.span())) } else { Ok((name, value)) }
}
