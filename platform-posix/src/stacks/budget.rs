// SPDX-License-Identifier: BSD-3-Clause
//! How many guards of protected pages the process can afford.
//!
//! The kernel limits the mappings of a process (`vm.max_map_count`, 65,530 by default), and a protected guard splits
//! one mapping into three: two more. Running into the limit would make unrelated calls to mmap fail.

use std::sync::OnceLock;

/// Taken for the kernel's limit when it cannot be read.
const DEFAULT_MAX_MAP_COUNT: usize = 65_530;
const MAPPINGS_PER_GUARD: usize = 2;

/// Half of the mappings that the process may have, less those that it had when this was first asked.
pub(super) fn default_protected_guards() -> usize {
    static GUARDS: OnceLock<usize> = OnceLock::new();
    *GUARDS.get_or_init(|| {
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            // No such limit is known; address space and page tables end it.
            return usize::MAX / 2;
        }
        affordable_guards(max_map_count().unwrap_or(DEFAULT_MAX_MAP_COUNT), used_mappings())
    })
}

fn affordable_guards(max_map_count: usize, used_mappings: usize) -> usize {
    (max_map_count / 2).saturating_sub(used_mappings) / MAPPINGS_PER_GUARD
}

fn max_map_count() -> Option<usize> {
    std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

fn used_mappings() -> usize {
    std::fs::read("/proc/self/maps").map_or(0, |maps| maps.iter().filter(|&&byte| byte == b'\n').count())
}

#[cfg(test)]
mod tests {
    use super::affordable_guards;

    #[test]
    fn the_budget_leaves_half_of_the_mappings_and_never_wraps() {
        assert_eq!(affordable_guards(65_530, 165), 16_300);
        assert_eq!(affordable_guards(65_530, 40_000), 0);
        assert_eq!(affordable_guards(0, 1), 0);
        assert!(2 * affordable_guards(usize::MAX, 0) <= usize::MAX / 2);
    }
}
