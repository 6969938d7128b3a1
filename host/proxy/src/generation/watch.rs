//! `Watch`: sees that files have changed, and when they have settled.
//!
//! Folders are watched, not files: editors rename, and a `ConfigMap` is swapped by a link beside
//! them. What the system tells is only a reason to look; what counts is how the files look. So a
//! folder where much else happens costs a few looks, and where the system tells nothing, as on
//! network file systems, a look every now and then finds the change too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::fingerprint::Fingerprint;
use crate::error::ServerError;

/// How often is looked without being told.
const POLL: Duration = Duration::from_secs(2);
/// How often files are looked at that have just changed, and must be found the same.
const SETTLE: Duration = Duration::from_millis(25);
/// How long is waited for the rest of a file that seems to be half written.
const PATIENCE: Duration = Duration::from_secs(2);

/// The watch over the files of a configuration. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Watch {
    news: Sender<News>,
    thread: Option<JoinHandle<()>>,
}

enum News {
    /// Something has happened in a folder.
    Event,
    /// Watch these from now on, and wait so long for quiet.
    Files(Vec<PathBuf>, Duration, Sender<()>),
    Stop,
}

struct Watcher {
    news: Receiver<News>,
    /// `None` where the system has none to give; then there is only the look every now and then.
    system: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
    debounce: Duration,
    seen: Fingerprint,
}

impl Watch {
    /// Starts; nothing is watched yet. `changed` is called when files have changed and settled, and
    /// before that `settling` with the modules among them, which may change once more.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(super) fn start(
        settling: impl Fn(Vec<Bytes>) + Send + 'static,
        changed: impl Fn() + Send + 'static,
    ) -> Result<Self, ServerError> {
        let (sender, news) = channel();
        let events = sender.clone();
        let told = move |event: notify::Result<notify::Event>| {
            let is_read = matches!(&event, Ok(event) if event.kind.is_access());
            if !is_read {
                // The thread may have ended.
                drop(events.send(News::Event));
            }
        };
        let system = notify::recommended_watcher(told);
        let system = system.inspect_err(|error| tracing::warn!(%error, "files are looked at only"));
        let watcher = Watcher {
            news,
            system: system.ok(),
            folders: BTreeSet::new(),
            files: Vec::new(),
            debounce: Duration::ZERO,
            seen: Fingerprint::default(),
        };
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watcher.run(&settling, &changed))
            .map_err(|source| ServerError::System {
                what: "the thread that watches files",
                source,
            })?;
        Ok(Self {
            news: sender,
            thread: Some(thread),
        })
    }

    /// Watches these files instead of those before. When it returns no change is missed any more.
    pub(super) fn watch(&self, files: Vec<PathBuf>, debounce: Duration) {
        let (done, told) = channel();
        // The thread ends with `self` only, and answers by dropping its end.
        drop(self.news.send(News::Files(files, debounce, done)));
        told.recv().unwrap_or(());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.news.send(News::Stop));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that watches files panicked");
        }
    }
}

impl Watcher {
    fn run(mut self, settling: &impl Fn(Vec<Bytes>), changed: &impl Fn()) {
        loop {
            match self.news.recv_timeout(POLL) {
                Ok(News::Files(files, debounce, _done)) => self.set_files(files, debounce),
                Ok(News::Event) | Err(RecvTimeoutError::Timeout) => {}
                Ok(News::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            if Fingerprint::of(&self.files) == self.seen {
                continue;
            }
            match self.settle(settling) {
                Some(settled) => {
                    // What changes from here on is a change again.
                    self.seen = settled;
                    changed();
                }
                None => return,
            }
        }
    }

    /// Waits until the files are what they were for a while, and whole. `None` when told to stop.
    fn settle(&mut self, settling: &impl Fn(Vec<Bytes>)) -> Option<Fingerprint> {
        let mut last = Fingerprint::of(&self.files);
        let mut since = Instant::now();
        let (mut looks, mut is_told) = (0, false);
        loop {
            match self.news.recv_timeout(SETTLE) {
                Ok(News::Files(files, debounce, _done)) => self.set_files(files, debounce),
                Ok(News::Event) => {}
                Err(RecvTimeoutError::Timeout) => looks += 1,
                Ok(News::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
            }
            let now = Fingerprint::of(&self.files);
            if now != last {
                (last, since, looks) = (now, Instant::now(), 0);
                is_told = false;
                continue;
            }
            if looks == 1 && !is_told {
                is_told = true;
                settling(now.new_modules(&self.seen));
            }
            let quiet = since.elapsed();
            let is_quiet = quiet >= self.debounce && looks >= 2;
            if is_quiet && (quiet >= PATIENCE || now.is_whole()) {
                return Some(now);
            }
        }
    }

    fn set_files(&mut self, files: Vec<PathBuf>, debounce: Duration) {
        self.debounce = debounce;
        if files == self.files {
            return;
        }
        let folders: BTreeSet<_> = files.iter().flat_map(|file| folders_of(file)).collect();
        if let Some(system) = &mut self.system {
            for gone in self.folders.difference(&folders) {
                // It may not be there any more.
                drop(system.unwatch(gone));
            }
            for new in folders.difference(&self.folders) {
                let watched = system.watch(new, RecursiveMode::NonRecursive);
                // What cannot be watched is looked at every now and then.
                drop(watched.inspect_err(|error| tracing::warn!(%error, "not watched")));
            }
        }
        self.folders = folders;
        self.seen = Fingerprint::of_new(&files, &self.seen);
        self.files = files;
    }
}

/// The folder a file is in, and the one it is really in if it is a link.
fn folders_of(file: &Path) -> Vec<PathBuf> {
    let folder = |file: &Path| match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    };
    let real = file.canonicalize().ok();
    let real = real.map(|real| folder(&real));
    std::iter::once(folder(file)).chain(real).collect()
}
