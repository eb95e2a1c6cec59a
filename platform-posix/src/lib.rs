// SPDX-License-Identifier: BSD-3-Clause
//! kcoro on POSIX: workers, clock, guarded stacks
