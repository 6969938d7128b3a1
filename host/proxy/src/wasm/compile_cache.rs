//! Compiled modules on disk: what has been compiled once starts at once the next time.

use std::fs::{DirBuilder, OpenOptions, remove_file};
use std::io;
use std::path::{Path, PathBuf};

use tollgate_config::{CompileCache, Settings};
use tollgate_runtime::{Engine, EngineError, EngineOptions};

/// Starts an engine with a cache on disk, if it is asked for; without one that cannot be used, which
/// costs time and nothing else.
pub(super) fn start_engine(
    options: EngineOptions,
    settings: &Settings,
) -> Result<Engine, EngineError> {
    let CompileCache::Directory(directory) = &settings.compile_cache else {
        return Engine::new(options);
    };
    let without = |reason: &dyn std::fmt::Display| {
        let directory = directory.display();
        tracing::warn!(target: "wasm", %directory, %reason, "compiled modules are not kept");
    };
    let cache_dir = match usable(directory) {
        Ok(directory) => Some(directory),
        Err(error) => {
            without(&error);
            None
        }
    };
    let with_cache = EngineOptions {
        cache_dir,
        ..options
    };
    Engine::new(with_cache).or_else(|error| {
        without(&error);
        Engine::new(options)
    })
}

/// Makes a directory if it is not there, for its owner only, and makes sure that it takes files:
/// otherwise every module would be compiled anew, and nobody told.
fn usable(directory: &Path) -> io::Result<PathBuf> {
    let directory = std::path::absolute(directory)?;
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&directory)?;
    let probe = directory.join(format!("probe-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .open(&probe)?;
    remove_file(probe)?;
    Ok(directory)
}
