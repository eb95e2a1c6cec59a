// SPDX-License-Identifier: BSD-3-Clause
//! The coroutine primitive: usable alone, without a runtime and without an allocator.
