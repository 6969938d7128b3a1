//! Fingerprint: what makes two faults the same one.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::SourceFrame;
use crate::Fault;

/// How many frames tell faults apart.
const FRAMES: usize = 3;

/// Names a fault by plugin, callback, kind and the functions that it happened in. Lines do not
/// count, so that it survives a rebuild of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Returns the fingerprint of a fault with its stack. The plugin's own functions count, or any
    /// if none of the stack is the plugin's.
    #[must_use]
    pub fn new(fault: &Fault, frames: &[SourceFrame]) -> Self {
        let mut hash = Sha256::new();
        for part in [&fault.plugin, fault.callback, fault.kind.name()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let has_own = frames.iter().any(SourceFrame::is_in_app);
        let counted = frames.iter().filter(|frame| frame.is_in_app() || !has_own);
        for frame in counted.take(FRAMES) {
            // A function without a name has its index, which a rebuild changes.
            let name = frame.function.as_str();
            let is_index = name.starts_with("function ");
            hash.update(if is_index { "function" } else { name });
            hash.update([0]);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        Self(u64::from_be_bytes(*first))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;
    use crate::{ContextId, Fault, FaultKind, SourceFrame};

    fn frame(function: &str, line: u32) -> SourceFrame {
        SourceFrame {
            function: function.to_owned(),
            line: Some(line),
            ..SourceFrame::default()
        }
    }

    #[test]
    fn libraries_and_lines_do_not_count_but_functions_and_kinds_do() {
        let fault = |kind| {
            let what = (kind, "message".to_owned());
            Fault::without_details("gate".to_owned(), "proxy_on_log", ContextId(1), what)
        };
        let of = |kind, frames: &[SourceFrame]| Fingerprint::new(&fault(kind), frames);
        let panic = frame("core::panicking::panic", 1);
        let first = of(FaultKind::Trap, &[panic.clone(), frame("gate::check", 7)]);
        assert_eq!(first, of(FaultKind::Trap, &[frame("gate::check", 9)]));
        assert_ne!(first, of(FaultKind::Trap, &[panic, frame("gate::load", 7)]));
        assert_ne!(first, of(FaultKind::Deadline, &[frame("gate::check", 7)]));
        assert_eq!(first.to_string().len(), 16);
    }
}
