// SPDX-License-Identifier: BSD-3-Clause
//! The context switch, one file per architecture.
