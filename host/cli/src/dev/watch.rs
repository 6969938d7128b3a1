//! `Watch`: tells when a file is saved that the module is made of, or the configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// An editor that saves in several steps is done after this much silence.
const SILENCE: Duration = Duration::from_millis(50);

/// Watches folders, because editors replace files by renaming others.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    shared: Arc<Shared>,
}

/// What the watcher's thread writes.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The crate's own sources, of which new ones count as well.
    sources: PathBuf,
    /// The files that count.
    inputs: BTreeSet<PathBuf>,
    /// Those that have changed.
    changed: BTreeSet<PathBuf>,
}

impl Watch {
    /// Watches the Rust files below a folder.
    ///
    /// # Errors
    ///
    /// When the system does not let it.
    pub(super) fn start(sources: &Path) -> Result<Self, String> {
        let shared = Arc::new(Shared::default());
        shared.state.lock().sources = sources.to_path_buf();
        let told = Arc::clone(&shared);
        let mut watcher = notify::recommended_watcher(move |event| told.take(event))
            .map_err(|error| format!("no file can be watched: {error}"))?;
        watcher
            .watch(sources, RecursiveMode::Recursive)
            .map_err(|error| format!("{}: {error}", sources.display()))?;
        Ok(Self {
            watcher,
            folders: BTreeSet::new(),
            shared,
        })
    }

    /// Watches these files as well. One whose folder is not there cannot be saved either.
    pub(super) fn add(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        for file in files {
            if let Some(folder) = file.parent()
                && !self.folders.contains(folder)
                && self
                    .watcher
                    .watch(folder, RecursiveMode::NonRecursive)
                    .is_ok()
            {
                self.folders.insert(folder.to_path_buf());
            }
            self.shared.state.lock().inputs.insert(file);
        }
    }

    /// Waits for a change and until there are no more; returns the files. What changed since the
    /// last call counts.
    pub(super) async fn changed(&mut self) -> BTreeSet<PathBuf> {
        loop {
            self.shared.news.notified().await;
            while tokio::time::timeout(SILENCE, self.shared.news.notified())
                .await
                .is_ok()
            {}
            let changed = std::mem::take(&mut self.shared.state.lock().changed);
            if !changed.is_empty() {
                return changed;
            }
        }
    }
}

impl Shared {
    fn take(&self, event: notify::Result<Event>) {
        let mut state = self.state.lock();
        match event {
            // Some changes are not known: any file may be another one now.
            Err(_) => state.all_changed(),
            Ok(event) if event.need_rescan() => state.all_changed(),
            Ok(Event {
                kind: EventKind::Access(_),
                ..
            }) => return,
            Ok(event) => {
                let relevant = event
                    .paths
                    .into_iter()
                    .filter(|path| state.is_relevant(path));
                let relevant: Vec<_> = relevant.collect();
                if relevant.is_empty() {
                    return;
                }
                state.changed.extend(relevant);
            }
        }
        drop(state);
        self.news.notify_one();
    }
}

impl State {
    fn all_changed(&mut self) {
        let sources = self.sources.clone();
        self.changed.insert(sources);
    }

    /// Whether a path is a file that counts, or a folder with one.
    fn is_relevant(&self, path: &Path) -> bool {
        let is_new_source =
            path.starts_with(&self.sources) && path.extension().is_some_and(|kind| kind == "rs");
        is_new_source || self.inputs.iter().any(|input| input.starts_with(path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::Watch;

    const LIMIT: Duration = Duration::from_secs(20);

    async fn changed(watch: &mut Watch) -> Vec<PathBuf> {
        let changed = tokio::time::timeout(LIMIT, watch.changed()).await;
        changed.expect("a change is seen").into_iter().collect()
    }

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("tollgate-watch-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(folder.join("src")).unwrap();
        folder.canonicalize().unwrap()
    }

    #[test]
    fn saved_renamed_and_new_files_are_seen_and_others_are_not() {
        let folder = folder("files");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (source, config) = (folder.join("src/lib.rs"), folder.join("envoy.yaml"));
            let mut watch = Watch::start(&folder.join("src")).unwrap();
            watch.add([config.clone()]);
            fs::write(&source, "1").unwrap();
            assert_eq!(changed(&mut watch).await, [source]);
            fs::write(folder.join("notes.txt"), "1").unwrap();
            fs::write(folder.join("src/notes.txt"), "1").unwrap();
            fs::write(folder.join("envoy.yaml~"), "1").unwrap();
            fs::rename(folder.join("envoy.yaml~"), &config).unwrap();
            assert_eq!(changed(&mut watch).await, [config]);
            fs::create_dir(folder.join("src/deep")).unwrap();
            let deep = folder.join("src/deep/more.rs");
            // The new folder is watched a moment after it was made.
            while {
                fs::write(&deep, "1").unwrap();
                tokio::time::timeout(Duration::from_millis(200), watch.changed())
                    .await
                    .is_err()
            } {}
        });
        fs::remove_dir_all(&folder).unwrap();
    }
}
