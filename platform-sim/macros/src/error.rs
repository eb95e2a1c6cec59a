// SPDX-License-Identifier: BSD-3-Clause
//! What the compiler says of a wrong use.

use proc_macro::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};

/// A message, and the place that it is about.
pub(crate) struct Error {
    at: Span,
    message: String,
}

impl Error {
    pub(crate) fn new(at: Span, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// `::core::compile_error! { "message" }`
    pub(crate) fn into_tokens(self) -> TokenStream {
        let message = TokenTree::Literal(Literal::string(&self.message));
        let message = TokenTree::Group(Group::new(Delimiter::Brace, message.into()));
        let call = super::code("::core::compile_error!").into_iter().chain([message]);
        let located = call.map(|mut token| {
            token.set_span(self.at);
            token
        });
        located.collect()
    }
}
