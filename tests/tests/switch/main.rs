// SPDX-License-Identifier: BSD-3-Clause
//! What rests on the machine: coroutines switched by hand, their frames and registers, and the smallest runtimes. It also
//! runs under the emulators.

mod aborts;
mod backtrace;
mod coroutine;
mod emulated;
mod fp_control;
mod runtime;
mod runtime_fp_control;
