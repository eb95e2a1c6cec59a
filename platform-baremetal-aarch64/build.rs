// SPDX-License-Identifier: BSD-3-Clause
//! Hands the linker script to the linker of every program that uses this crate.
//!
//! A library cannot pass linker arguments to a program, but it can name libraries; and a linker takes a "library" that is
//! text for a script. So a program needs no linker argument of its own.

use std::path::Path;
use std::{env, fs};

const SCRIPT: &str = "kcoro-baremetal-aarch64.ld";

fn main() {
    println!("cargo:rerun-if-changed=image.ld");
    println!("cargo:rerun-if-changed=build.rs");
    let is_bare = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "none");
    if is_bare && env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|machine| machine == "aarch64") {
        let directory = env::var("OUT_DIR").expect("cargo sets it");
        fs::copy("image.ld", Path::new(&directory).join(SCRIPT)).expect("the output directory is writable");
        println!("cargo:rustc-link-search={directory}");
        println!("cargo:rustc-link-lib=dylib:+verbatim={SCRIPT}");
    }
}
