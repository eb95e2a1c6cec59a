// SPDX-License-Identifier: BSD-3-Clause
//! The scenario suite on each platform that std can offer, and the porting guide's own.

mod porting;
mod posix;
mod simulated;
mod toy;
