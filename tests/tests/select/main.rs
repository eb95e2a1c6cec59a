// SPDX-License-Identifier: BSD-3-Clause
//! Select: two that face each other, fairness, many arms, and the same select from everywhere.

#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod dynamic;
mod everywhere;
mod facing;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod fairness;
#[cfg(not(any(kcoro_tsan, kcoro_asan)))]
mod forms;
