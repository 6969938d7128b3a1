//! `Capabilities`: what this machine offers to stream isolation.

use std::fmt;

/// What this machine offers to stream isolation. All of it is optional: without, the same happens
/// slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// How many instances the pool has room for; `None` when there is none.
    pub pool_instances: Option<u32>,
    /// Whether the kernel tells which pages an instance has changed (`PAGEMAP_SCAN`, Linux 6.7), so
    /// that it can be [rewound](crate::Vm::rewind).
    pub pagemap_scan: bool,
    /// Whether a snapshot's memory is mapped copy-on-write, from a file in memory (`memfd`, Linux).
    pub copy_on_write: bool,
}

impl fmt::Display for Capabilities {
    /// Writes one line for each, with what it means where it is missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pool_instances {
            Some(instances) => writeln!(f, "instance pool: {instances} instances")?,
            None => writeln!(
                f,
                "instance pool: none, for address space is short: each stream maps its memory anew"
            )?,
        }
        if self.pagemap_scan {
            writeln!(f, "PAGEMAP_SCAN: yes")?;
        } else {
            writeln!(
                f,
                "PAGEMAP_SCAN: no, for it needs Linux 6.7: each stream has a new instance, and \
                 resetting it copies more than it has changed"
            )?;
        }
        if self.copy_on_write {
            write!(f, "copy-on-write memory (memfd): yes")
        } else {
            write!(
                f,
                "copy-on-write memory (memfd): no, for it needs Linux: each stream copies the \
                 plugin's memory"
            )
        }
    }
}
