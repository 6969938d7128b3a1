//! Where a module wants the bytes that a hostcall returns, by its own word.

use super::Module;

/// The custom section in which a module says what it has written where it wants the address and the
/// size of returned bytes.
pub(super) const SECTION: &str = "tollgate_results";

/// A block that may be filled but for its last byte, so that another length says that it was, and how
/// long it is; 0 for none.
pub(super) const OFFERED: &[u8] = b"offered";

impl Module {
    /// Returns whether the module offers blocks for returned bytes. Who fills one need not call the
    /// module's allocator in the middle of a hostcall.
    pub(crate) fn offers_results(&self) -> bool {
        self.shared.offers_results
    }
}
