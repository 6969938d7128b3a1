//! Imports: whether a given host has what a module needs.

use tollgate_runtime::inspect::{Host, Support, inspect};

use crate::artifact::Artifact;

/// Asserts that a host provides everything a module imports, building it if necessary.
///
/// ```no_run
/// use tollgate_testing::{Host, assert_imports_subset_of};
///
/// assert_imports_subset_of("my-filter", Host::Envoy136);
/// ```
///
/// # Panics
///
/// When the host lacks an import or has it with another type or as a trap, or when the module
/// cannot be built or read. What is not known of a host counts as lacking.
#[track_caller]
pub fn assert_imports_subset_of(artifact: impl Into<Artifact>, host: Host) {
    let lacking = lacking_imports(&artifact.into(), host);
    assert!(
        matches!(&lacking, Ok(lacking) if lacking.is_empty()),
        "{host} lacks imports: {lacking:?}"
    );
}

/// What a module imports that a host does not provide, and what the host does with it.
fn lacking_imports(artifact: &Artifact, host: Host) -> Result<Vec<String>, String> {
    let path = artifact.path()?;
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = std::fs::read(&path).map_err(|error| named(&error))?;
    let report = inspect(&bytes).map_err(|error| named(&error))?;
    if report.abi.is_none() {
        return Err(named(&"the module is written for no known ABI version"));
    }
    let rows = report.support.iter();
    let lacking = rows.filter(|row| row.on(host) != Support::Provided);
    Ok(lacking
        .map(|row| format!("{} ({})", row.name, row.on(host)))
        .collect())
}
