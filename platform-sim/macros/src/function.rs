// SPDX-License-Identifier: BSD-3-Clause
//! The function under the attribute.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::error::Error;

const NO_FUNCTION: &str = "#[kcoro_sim::test] goes on a function";

/// See the [module](self).
pub(crate) struct Function {
    /// Attributes and visibility.
    pub(crate) before: TokenStream,
    pub(crate) name: Ident,
    /// What stands behind the arrow; empty if there is none.
    pub(crate) output: TokenStream,
    pub(crate) body: Group,
}

impl Function {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self, Error> {
        let mut tokens = tokens.into_iter();
        let before = before_fn(&mut tokens)?;
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return Err(Error::new(Span::call_site(), NO_FUNCTION));
        };
        match tokens.next() {
            Some(TokenTree::Group(arguments)) if !arguments.stream().is_empty() => {
                return Err(Error::new(arguments.span(), "a test takes no arguments"));
            }
            Some(TokenTree::Group(_)) => {}
            _ => return Err(Error::new(name.span(), "a test cannot be generic")),
        }
        let mut rest: Vec<_> = tokens.collect();
        match rest.pop() {
            Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
                // The arrow is two tokens.
                let output = rest.into_iter().skip(2).collect();
                Ok(Self { before, name, output, body })
            }
            _ => Err(Error::new(name.span(), "a test has a body")),
        }
    }
}

/// Takes all up to `fn`.
fn before_fn(tokens: &mut impl Iterator<Item = TokenTree>) -> Result<TokenStream, Error> {
    let mut before = TokenStream::new();
    for token in tokens {
        if let TokenTree::Ident(word) = &token {
            match word.to_string().as_str() {
                "fn" => return Ok(before),
                "pub" => {}
                "async" => {
                    return Err(Error::new(
                        word.span(),
                        "a simulated test is no future: it waits by plain calls, without `async`",
                    ));
                }
                "const" | "unsafe" | "extern" => {
                    return Err(Error::new(word.span(), format!("a test cannot be `{word}`")));
                }
                _ => return Err(Error::new(word.span(), NO_FUNCTION)),
            }
        }
        before.extend([token]);
    }
    Err(Error::new(Span::call_site(), NO_FUNCTION))
}
