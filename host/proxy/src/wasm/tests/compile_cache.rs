//! Compiled modules on disk.

use std::fs;
use std::path::{Path, PathBuf};

use tollgate_config::FailurePolicy;

use super::{Lab, passes, request};
use crate::callout::tests::on_worker;

const NOTHING: &str = "";

/// Starts a guest with this cache and serves one stream, as one process would.
fn serve(cache: &Path) {
    let settings = format!("compile_cache: {}", cache.display());
    on_worker(async move {
        let lab = Lab::new(&settings);
        let plugin = lab.start(NOTHING, FailurePolicy::FailClosed);
        passes(&request(&plugin));
    });
}

/// Returns the compiled modules in a folder: the files without an extension.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(entries(&path));
        } else if path.extension().is_none() {
            found.push(path);
        }
    }
    found
}

#[test]
fn what_is_kept_is_used_and_what_is_broken_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    serve(folder.path());
    let kept = entries(folder.path());
    assert_eq!(kept.len(), 1, "{kept:?}");
    serve(folder.path());
    assert_eq!(entries(folder.path()), kept);
    fs::write(&kept[0], b"no compiled module").unwrap();
    serve(folder.path());
}

#[test]
fn a_cache_that_cannot_be_made_keeps_nobody_from_serving() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    serve(&file.join("cache"));
}
