// SPDX-License-Identifier: BSD-3-Clause
//! The attribute `#[kcoro_sim::test]`: see its documentation in kcoro-sim, which re-exports it.
//!
//! It reads tokens by hand: a function without arguments and a list of settings need no parser of all of Rust.

use proc_macro::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};

mod error;
mod function;
mod settings;

use error::Error;
use function::Function;
use settings::Settings;

/// Makes a function a test that runs in the simulator, under many seeds; for its use see kcoro-sim, which re-exports it.
#[proc_macro_attribute]
pub fn test(settings: TokenStream, function: TokenStream) -> TokenStream {
    expand(settings, function).unwrap_or_else(Error::into_tokens)
}

fn expand(settings: TokenStream, function: TokenStream) -> Result<TokenStream, Error> {
    let settings = Settings::parse(settings)?;
    let Function { before, name, output, body } = Function::parse(function)?;
    let mut test = code("#[::core::prelude::v1::test]");
    test.extend(before);
    test.extend([ident("fn", Span::call_site()), TokenTree::Ident(name.clone())]);
    test.extend(code("()"));
    let run = run(settings, name.span(), output, body);
    test.extend([TokenTree::Group(Group::new(Delimiter::Brace, run))]);
    Ok(test)
}

/// `let body = || -> .. {..}; kcoro_sim::Sim::new().setting(..).check(seeds(..), move || report(body()));`
fn run(settings: Settings, name: Span, output: TokenStream, body: Group) -> TokenStream {
    // A local variable that no name in the body can mean.
    let variable = ident("body", Span::mixed_site());
    let mut run = code("let");
    run.extend([variable.clone()]);
    run.extend(code("= || ->"));
    run.extend(if output.is_empty() { code("()") } else { output });
    run.extend([TokenTree::Group(body)]);
    run.extend(code("; ::kcoro_sim::Sim::new()"));
    for (setting, value) in settings.others {
        run.extend([punct('.'), TokenTree::Ident(setting), group(value)]);
    }
    // The place of this call counts as where the body was spawned, and as where the test panicked.
    run.extend([punct('.'), ident("check", name)]);
    let mut arguments = code("::kcoro_sim::attribute::seeds");
    arguments.extend([group(settings.seeds)]);
    arguments.extend(code(", move || ::kcoro_sim::attribute::report"));
    let call = TokenStream::from_iter([variable, group(TokenStream::new())]);
    arguments.extend([group(call)]);
    let mut arguments = group(arguments);
    arguments.set_span(name);
    run.extend([arguments, punct(';')]);
    run
}

/// Code that is right as it stands here.
fn code(text: &str) -> TokenStream {
    text.parse().expect("tokens of Rust")
}

fn ident(name: &str, span: Span) -> TokenTree {
    TokenTree::Ident(Ident::new(name, span))
}

fn punct(sign: char) -> TokenTree {
    TokenTree::Punct(Punct::new(sign, Spacing::Alone))
}

fn group(inside: TokenStream) -> TokenTree {
    TokenTree::Group(Group::new(Delimiter::Parenthesis, inside))
}
