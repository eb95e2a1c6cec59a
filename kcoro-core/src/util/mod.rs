// SPDX-License-Identifier: BSD-3-Clause
//! Small pieces that know nothing of coroutines.
