// SPDX-License-Identifier: BSD-3-Clause
//! kcoro's workloads beside its peers'
