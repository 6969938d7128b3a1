//! `SnapshotError`: why there is no snapshot of a VM.

/// Why there is no snapshot of a VM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The code changes what a snapshot does not hold.
    #[error(
        "function `{function}` uses {instruction}, whose effect a snapshot cannot hold; \
         run the plugin with `isolation: worker`"
    )]
    Instruction {
        /// The function's name from the name section, or its index.
        function: String,
        /// The instruction.
        instruction: &'static str,
    },
    /// The module imports what it must define for a snapshot.
    #[error(
        "the module imports its {kind} {module}.{name}, and a snapshot can only hold what the \
         module defines itself; link it so, or run the plugin with `isolation: worker`"
    )]
    Import {
        /// The module imported from.
        module: String,
        /// The name imported.
        name: String,
        /// What is imported.
        kind: &'static str,
    },
    /// A mutable global holds a reference.
    #[error(
        "the module has a mutable global that holds a reference, which a snapshot cannot; \
         run the plugin with `isolation: worker`"
    )]
    ReferenceGlobal,
    /// The tool that writes snapshots refuses the module.
    #[error("the module cannot be made ready for snapshots: {0}")]
    Unsupported(String),
    /// The snapshot does not compile.
    #[error("the snapshot cannot be compiled: {0}")]
    Compile(String),
    /// A fault has ended the VM.
    #[error("a fault has ended the VM")]
    VmFailed,
    /// Streams are in the VM, and their instances cannot be copied.
    #[error("{0} streams are in the VM; a snapshot is taken of one that has only plugins")]
    HasStreams(usize),
    /// The snapshot is of another module.
    #[error("the snapshot is of another module")]
    OtherModule,
}
