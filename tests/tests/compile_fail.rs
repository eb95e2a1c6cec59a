// SPDX-License-Identifier: BSD-3-Clause
//! Programs that would be unsound do not compile: one file in compile-fail/ for each promise, named for it.
//!
//! Beside each stands what the compiler says. After a change of wording, `TRYBUILD=overwrite cargo xtask test
//! compile-fail` writes it anew: read the difference, since another error is another promise.

#[test]
fn unsound_programs_do_not_compile() {
    trybuild::TestCases::new().compile_fail("compile-fail/*.rs");
}
