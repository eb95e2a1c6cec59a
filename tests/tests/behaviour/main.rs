// SPDX-License-Identifier: BSD-3-Clause
//! What the channels and selects of other languages and libraries are tested for, held against kcoro's.

mod bounded;
mod ends;
mod handles;
mod odd_kinds;
mod passing;
mod place;
mod rendezvous;
mod unbounded;
