// SPDX-License-Identifier: BSD-3-Clause
//! Select: two that face each other, fairness, many arms, and the same select from everywhere.

mod dynamic;
mod everywhere;
mod facing;
mod fairness;
mod forms;
