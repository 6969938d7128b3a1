//! The reporter: a thread that finds files and lines for faults and writes them to the log.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::SystemTime;

use tollgate_runtime::{CrashBundle, Fault, Fingerprint, Module, Symbols};

use super::files;
use super::group::{FaultGroup, FaultSample};
use super::store::{FaultKey, FaultStore};

/// Modules whose symbols are kept; they may be larger than the modules themselves.
const MAX_SYMBOLS: usize = 8;

/// A fault to be looked at.
pub(super) struct Report {
    pub(super) key: FaultKey,
    pub(super) fault: Fault,
    pub(super) module: Module,
    pub(super) at: SystemTime,
    /// Where a bundle of it goes.
    pub(super) bundles: Option<PathBuf>,
    /// Its core dump, and where it goes.
    pub(super) core: Option<(PathBuf, Vec<u8>)>,
}

/// The thread, which ends when this is dropped and all that waits is looked at.
pub(super) struct Reporter {
    queue: SyncSender<Box<Report>>,
    thread: JoinHandle<()>,
}

impl Reporter {
    /// Starts the thread; `None` when the system has none.
    pub(super) fn start(store: &Arc<FaultStore>, queue: usize) -> Option<Self> {
        let (queue, receiver) = sync_channel(queue);
        let store = Arc::downgrade(store);
        let thread = std::thread::Builder::new().name("wasm-faults".to_owned());
        match thread.spawn(move || run(&receiver, &store)) {
            Ok(thread) => Some(Self { queue, thread }),
            Err(error) => {
                tracing::error!(target: "wasm", %error, "no thread for faults");
                None
            }
        }
    }

    pub(super) fn send(&self, report: Box<Report>) -> Result<(), TrySendError<Box<Report>>> {
        self.queue.try_send(report)
    }

    /// Waits until all that was sent is looked at.
    pub(super) fn finish(self) {
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!(target: "wasm", "the thread for faults panicked");
        }
    }
}

fn run(queue: &Receiver<Box<Report>>, store: &Weak<FaultStore>) {
    let mut symbols = SymbolCache::default();
    while let Ok(report) = queue.recv() {
        let Some(store) = store.upgrade() else {
            return;
        };
        examine(&store, &mut symbols, *report);
    }
}

fn examine(store: &FaultStore, symbols: &mut SymbolCache, report: Report) {
    let Report {
        key,
        mut fault,
        module,
        at,
        bundles,
        core,
    } = report;
    let frames = symbols.of(&module).resolve(&fault.details.backtrace);
    let fingerprint = Fingerprint::new(&fault, &frames);
    let bundle =
        bundles.and_then(|folder| Some((folder, CrashBundle::of(&fault, &module, &frames)?)));
    // Megabytes, perhaps, which only the file is to keep.
    fault.details.recording = None;
    let mut group = store.add(&key, (fingerprint, frames), FaultSample { at, fault });
    if let Some((folder, bundle)) = bundle.filter(|_| group.bundles.len() < files::MAX_FILES) {
        let path = write_file(&folder, &group, ("crash", &bundle.to_bytes()));
        group.bundles.extend(path);
    }
    if let Some((folder, core)) = core.filter(|_| group.coredumps.len() < files::MAX_FILES) {
        let path = write_file(&folder, &group, ("core", &core));
        group.coredumps.extend(path);
    }
    store.set_files(&group);
    let place = group.place();
    tracing::error!(target: "wasm", place = place.as_deref(), "{group}");
}

fn write_file(folder: &Path, group: &FaultGroup, content: (&str, &[u8])) -> Option<PathBuf> {
    files::write(folder, group, content)
        .inspect_err(|error| {
            let folder = folder.display();
            tracing::error!(target: "wasm", %folder, %error, "no file written about a fault");
        })
        .ok()
}

/// The symbols of the modules that have failed of late. They do not keep the compiled code.
#[derive(Default)]
struct SymbolCache(Vec<(u64, Symbols)>);

impl SymbolCache {
    fn of(&mut self, module: &Module) -> &Symbols {
        let serial = module.serial();
        let found = self.0.iter().position(|(known, _)| *known == serial);
        let entry = match found {
            Some(index) => self.0.remove(index),
            None => (serial, Symbols::new(module.bytes())),
        };
        self.0.truncate(MAX_SYMBOLS - 1);
        let (_, symbols) = self.0.insert_mut(0, entry);
        symbols
    }
}
