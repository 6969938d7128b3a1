//! `Reloads`: what asks for a reload, and the thread that does it.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tollgate_config::{Discovery, Settings};

use super::fingerprint::Fingerprint;
use super::watch::Watch;
use super::{Configuration, Controller, ReloadError, ReloadReport};
use crate::error::ServerError;
use crate::telemetry::{Counter, Stats};

/// How many reloads are remembered.
const REMEMBERED: usize = 20;

/// Where the configuration is read from, again and again.
pub trait ConfigurationSource: Send {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// One line for each fault, with the file and the line.
    fn read(&mut self) -> Result<Configuration, Vec<String>>;

    /// Returns the files it was read from last, and those that they name: what is watched.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Returns the filters' files that were read last, also when what was read is refused.
    fn discoveries(&self) -> Vec<Discovery> {
        Vec::new()
    }
}

/// What has asked for a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// `POST /tollgate/reload`.
    Admin,
    /// SIGHUP.
    Signal,
    /// A file that has changed.
    Files,
    /// Whoever embeds the server.
    Embedder,
    /// The faults of a new generation.
    Faults,
}

/// How a reload ended.
pub(crate) type ReloadResult = Result<Arc<ReloadReport>, Arc<ReloadError>>;

/// A reload that was asked for.
struct Request {
    trigger: Trigger,
    answer: Option<oneshot::Sender<ReloadResult>>,
}

/// A reload that was done.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) at: SystemTime,
    pub(crate) trigger: Trigger,
    pub(crate) result: ReloadResult,
}

/// The reloads of a server.
pub(crate) struct Reloads {
    requests: Mutex<Option<Sender<Request>>>,
    attempts: Mutex<VecDeque<Attempt>>,
    counters: ReloadCounters,
}

struct ReloadCounters {
    success: Counter,
    failure: Counter,
    unchanged: Counter,
    taken_back: Counter,
}

impl Trigger {
    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Signal => "signal",
            Self::Files => "files",
            Self::Embedder => "embedder",
            Self::Faults => "faults",
        }
    }
}

impl Reloads {
    /// Returns none; nobody does them yet.
    pub(crate) fn new(stats: &Stats) -> Arc<Self> {
        let counter = |name: &str| stats.counter(&format!("tollgate.reload.{name}"));
        Arc::new(Self {
            requests: Mutex::default(),
            attempts: Mutex::default(),
            counters: ReloadCounters {
                success: counter("success"),
                failure: counter("failure"),
                unchanged: counter("unchanged"),
                taken_back: counter("taken_back"),
            },
        })
    }

    /// Starts the thread that reloads from a source, and from now on when one of its files changes.
    /// `read` is when they were read.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(crate) fn start(
        self: &Arc<Self>,
        controller: &Arc<Controller>,
        source: Box<dyn ConfigurationSource>,
        read: SystemTime,
    ) -> Result<JoinHandle<()>, ServerError> {
        let (sender, requests) = channel();
        // Before anything is watched, so that no change is told to nobody.
        self.requests.lock().replace(sender);
        let (reloads, controller) = (Arc::clone(self), Arc::clone(controller));
        let asking = Arc::downgrade(self);
        let preparing = Arc::downgrade(&controller);
        let prepare = move |modules| {
            if let Some(controller) = preparing.upgrade() {
                controller.prepare(modules);
            }
        };
        let changed = move || {
            if let Some(reloads) = asking.upgrade() {
                reloads.ask(Trigger::Files);
            }
        };
        let watch = Watch::start(prepare, changed)?;
        let files = watched(&*source, &controller.settings());
        watch.watch(files.clone(), controller.settings().reload.debounce);
        // What has changed since is told by the watch.
        let is_late = Fingerprint::of(&files).is_newer_than(read);
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || reloads.run(&controller, source, &watch, files, &requests))
            .map_err(|source| ServerError::System {
                what: "the thread that reloads",
                source,
            })?;
        if is_late {
            self.ask(Trigger::Files);
        }
        Ok(thread)
    }

    /// Lets the thread end.
    pub(crate) fn stop(&self) {
        self.requests.lock().take();
    }

    /// Asks for a reload. Returns whether there is anything to reload.
    pub(crate) fn ask(&self, trigger: Trigger) -> bool {
        let asked = self.send(Request {
            trigger,
            answer: None,
        });
        asked.is_ok()
    }

    /// Asks for a reload and waits for its end.
    pub(crate) async fn ask_and_wait(&self, trigger: Trigger) -> ReloadResult {
        let (answer, answered) = oneshot::channel();
        self.send(Request {
            trigger,
            answer: Some(answer),
        })
        .map_err(Arc::new)?;
        answered
            .await
            .unwrap_or_else(|_| Err(Arc::new(ReloadError::Ending)))
    }

    fn send(&self, request: Request) -> Result<(), ReloadError> {
        let requests = self.requests.lock();
        let sender = requests.as_ref().ok_or(ReloadError::NoSource)?;
        sender.send(request).map_err(|_| ReloadError::Ending)
    }

    fn run(
        &self,
        controller: &Arc<Controller>,
        mut source: Box<dyn ConfigurationSource>,
        watch: &Watch,
        mut known: Vec<PathBuf>,
        requests: &Receiver<Request>,
    ) {
        while let Ok(first) = requests.recv() {
            // Whoever has asked before the files are read gets what is read.
            let asked: Vec<_> = std::iter::once(first).chain(requests.try_iter()).collect();
            let (started, begun) = (Instant::now(), SystemTime::now());
            let read = source.read().map_err(ReloadError::Configuration);
            let settings = read.as_ref().ok().map(|new| Arc::clone(&new.settings));
            let settings = settings.unwrap_or_else(|| controller.settings());
            let files = watched(&*source, &settings);
            watch.watch(files.clone(), settings.reload.debounce);
            // Nobody has watched those that are named for the first time while they were read.
            let new = files.iter().filter(|file| !known.contains(file)).cloned();
            if Fingerprint::of(&new.collect::<Vec<_>>()).is_newer_than(begun) {
                self.ask(Trigger::Files);
            }
            known = files;
            if read.is_err() {
                controller.refuse(&source.discoveries());
            }
            let deployed = read.and_then(|new| Ok(controller.deploy(new)?));
            let result = deployed.map(|mut report| {
                report.took = started.elapsed();
                Arc::new(report)
            });
            let result = result.map_err(Arc::new);
            let trigger = asked
                .first()
                .map_or(Trigger::Embedder, |first| first.trigger);
            self.remember(trigger, &result);
            for answer in asked.into_iter().filter_map(|request| request.answer) {
                // Whoever has asked may have left.
                drop(answer.send(result.clone()));
            }
        }
    }

    /// Logs, counts and remembers a reload.
    pub(crate) fn remember(&self, trigger: Trigger, result: &ReloadResult) {
        let name = trigger.name();
        match result {
            Ok(report) if report.is_new => {
                self.counters.success.inc();
                let (generation, took) = (report.generation, report.took.as_millis());
                tracing::info!(trigger = name, %generation, took_ms = took, "{report}");
                for note in &report.notes {
                    tracing::warn!("{note}");
                }
            }
            Ok(_) => {
                self.counters.unchanged.inc();
                tracing::info!(trigger = name, "nothing to reload: all is as it is served");
            }
            Err(error) if matches!(**error, ReloadError::TakenBack { .. }) => {
                self.counters.taken_back.inc();
                tracing::error!(trigger = name, "{error}");
            }
            Err(error) => {
                self.counters.failure.inc();
                tracing::error!(trigger = name, "not reloaded: {error}");
            }
        }
        let mut attempts = self.attempts.lock();
        if attempts.len() >= REMEMBERED {
            attempts.pop_front();
        }
        attempts.push_back(Attempt {
            at: SystemTime::now(),
            trigger,
            result: result.clone(),
        });
    }

    /// Returns the last reloads, the latest last.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().iter().cloned().collect()
    }
}

fn watched(source: &dyn ConfigurationSource, settings: &Settings) -> Vec<PathBuf> {
    match settings.reload.watch {
        true => source.files(),
        false => Vec::new(),
    }
}

impl fmt::Debug for Reloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloads").finish_non_exhaustive()
    }
}
