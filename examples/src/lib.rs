// SPDX-License-Identifier: BSD-3-Clause
//! Examples of kcoro, one idea a file
