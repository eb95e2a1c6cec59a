// SPDX-License-Identifier: BSD-3-Clause
//! What the other tests take for granted when they run under an emulator.

/// A dynamically linked program hangs under qemu-user as soon as it starts a thread.
#[test]
fn programs_for_other_architectures_are_linked_statically() {
    let native = cfg!(target_arch = "x86_64");
    assert!(native || cfg!(target_feature = "crt-static"), "RUSTFLAGS replaced the flags in .cargo/config.toml");
}

#[test]
fn a_thread_starts_and_its_value_comes_back() {
    let thread = std::thread::spawn(|| 7);
    assert_eq!(thread.join().unwrap(), 7);
}
