// SPDX-License-Identifier: BSD-3-Clause
//! What a panic does: there is nothing to unwind with, so it ends the program, and says whose it was.

use core::panic::PanicInfo;

use kcoro_core::task::fault::current_stack_owner;

use crate::cores::Core;
use crate::exceptions::Coroutine;
use crate::exit::{ExitCode, die};

#[panic_handler]
fn panic(why: &PanicInfo<'_>) -> ! {
    let coroutine = Coroutine(current_stack_owner());
    die(ExitCode::PANIC, format_args!("kcoro: core {}{coroutine}: {why}", Core::current().index))
}
