// SPDX-License-Identifier: BSD-3-Clause
//! Programs that would be unsound do not compile: one file in compile-fail/ for each promise, named for it.
//!
//! Beside each stands what the compiler says. After a change of wording, `TRYBUILD=overwrite cargo xtask test
//! compile-fail` writes it anew: read the difference, since another error is another promise.
//!
//! The programs in compile-pass/ are their sound neighbours: they compile and run, so that what fails beside them fails
//! for the reason that it names.

#[test]
fn unsound_programs_do_not_compile_and_their_sound_neighbours_run() {
    let cases = trybuild::TestCases::new();
    cases.pass("compile-pass/*.rs");
    cases.compile_fail("compile-fail/*.rs");
}
