// SPDX-License-Identifier: BSD-3-Clause
//! Where no calls are seen: a program without a shared C library, or one whose calls Miri or a sanitizer watches.

/// There is nothing to keep.
pub(crate) fn keep() {
    let _ = crate::real::touch;
}
