//! Access logs: one line for each stream, written by a thread of its own.
//!
//! A worker only appends to a buffer in memory. The writer sleeps while there is nothing to
//! write, gathers lines for a moment once there is, and is told to hurry when a buffer is full.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tollgate_config::{AccessLogSink, TextAccessLog};

use super::format::{DEFAULT_FORMAT, FormatError, Formatter};
use crate::filter::StreamState;
use crate::telemetry::{Counter, Stats};

/// How long lines are gathered before they are written.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);
/// Waiting bytes of one log at which it is written at once.
const FLUSH_BYTES: usize = 64 * 1024;
/// Waiting bytes of one log above which lines are dropped: its file does not keep up.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The access logs of the process and the thread that writes them.
pub(crate) struct AccessLogWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// One access log, for one worker.
#[derive(Debug)]
pub(crate) struct AccessLogger {
    format: Formatter,
    log: Arc<Log>,
    shared: Arc<Shared>,
}

/// An access log that cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessLogError {
    /// The file cannot be opened.
    #[error("access log `{}`: {source}", path.display())]
    Open {
        /// Path as configured.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The format is none.
    #[error("access log format: {0}")]
    Format(#[from] FormatError),
    /// There is no thread for the writer.
    #[error("access log writer: {0}")]
    Thread(io::Error),
}

struct Shared {
    signals: Mutex<Signals>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes those who wait for a flush.
    written: Condvar,
    counters: FileCounters,
}

#[derive(Default)]
struct Signals {
    logs: Vec<Arc<Log>>,
    has_lines: bool,
    /// Flushes asked for, and done.
    asked: u64,
    done: u64,
    ends: bool,
}

struct Log {
    sink: AccessLogSink,
    file: Mutex<Option<File>>,
    waiting: Mutex<Vec<u8>>,
}

/// `filesystem.*`.
struct FileCounters {
    flushed_by_timer: Counter,
    write_buffered: Counter,
    write_completed: Counter,
    write_failed: Counter,
}

impl AccessLogWriter {
    /// Starts the writer.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(crate) fn start(stats: &Stats) -> Result<Self, AccessLogError> {
        let counter = |name: &str| stats.counter(&format!("filesystem.{name}"));
        let shared = Arc::new(Shared {
            signals: Mutex::default(),
            work: Condvar::new(),
            written: Condvar::new(),
            counters: FileCounters {
                flushed_by_timer: counter("flushed_by_timer"),
                write_buffered: counter("write_buffered"),
                write_completed: counter("write_completed"),
                write_failed: counter("write_failed"),
            },
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || of_thread.run())
            .map_err(AccessLogError::Thread)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Returns a logger. Logs with the same sink share its file and the order of its lines.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened for appending, or the format is none.
    pub(crate) fn open(&self, config: &TextAccessLog) -> Result<AccessLogger, AccessLogError> {
        let format = Formatter::parse(config.format.as_deref().unwrap_or(DEFAULT_FORMAT))?;
        let mut signals = self.shared.signals.lock();
        let known = signals.logs.iter().find(|log| log.sink == config.sink);
        let log = match known {
            Some(log) => Arc::clone(log),
            None => {
                let log = Arc::new(Log::open(&config.sink)?);
                signals.logs.push(Arc::clone(&log));
                log
            }
        };
        Ok(AccessLogger {
            format,
            log,
            shared: Arc::clone(&self.shared),
        })
    }

    /// Writes everything that waits, and returns when it is written.
    pub(crate) fn flush(&self) {
        let mut signals = self.shared.signals.lock();
        signals.asked += 1;
        let wanted = signals.asked;
        self.shared.work.notify_one();
        while signals.done < wanted && !signals.ends {
            self.shared.written.wait(&mut signals);
        }
    }

    /// Opens all files anew, for those who rotate them.
    pub(crate) fn reopen(&self) {
        self.flush();
        for log in &self.shared.signals.lock().logs {
            match log.sink.open() {
                Ok(file) => *log.file.lock() = file,
                Err(error) => tracing::warn!(sink = ?log.sink, %error, "access log stays as it is"),
            }
        }
    }
}

impl Drop for AccessLogWriter {
    fn drop(&mut self) {
        self.flush();
        self.shared.signals.lock().ends = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the access log writer panicked");
        }
    }
}

impl AccessLogger {
    /// Logs a stream that has ended.
    pub(crate) fn log(&self, state: &StreamState) {
        let counters = &self.shared.counters;
        let mut waiting = self.log.waiting.lock();
        let before = waiting.len();
        if before > MAX_WAITING_BYTES {
            counters.write_failed.inc();
            return;
        }
        self.format.write(state, &mut waiting);
        let after = waiting.len();
        drop(waiting);
        counters.write_buffered.inc();
        let is_full = before < FLUSH_BYTES && after >= FLUSH_BYTES;
        if before == 0 || is_full {
            self.shared.wake(is_full);
        }
    }
}

impl Shared {
    fn wake(&self, at_once: bool) {
        let mut signals = self.signals.lock();
        signals.has_lines = true;
        if at_once {
            signals.asked += 1;
        }
        self.work.notify_one();
    }

    fn run(&self) {
        let mut buffer = Vec::new();
        let mut signals = self.signals.lock();
        while !signals.ends {
            if signals.asked == signals.done && !signals.has_lines {
                self.work.wait(&mut signals);
                continue;
            }
            let until = Instant::now() + FLUSH_INTERVAL;
            let mut by_timer = false;
            while signals.asked == signals.done && !signals.ends && !by_timer {
                by_timer = self.work.wait_until(&mut signals, until).timed_out();
            }
            let asked = signals.asked;
            signals.has_lines = false;
            let logs = signals.logs.clone();
            parking_lot::MutexGuard::unlocked(&mut signals, || {
                logs.iter()
                    .for_each(|log| log.write(&mut buffer, &self.counters));
            });
            if by_timer {
                self.counters.flushed_by_timer.inc();
            }
            signals.done = asked;
            self.written.notify_all();
        }
        self.written.notify_all();
    }
}

impl Log {
    fn open(sink: &AccessLogSink) -> Result<Self, AccessLogError> {
        let file = sink.open().map_err(|source| AccessLogError::Open {
            path: sink.path(),
            source,
        })?;
        Ok(Self {
            sink: sink.clone(),
            file: Mutex::new(file),
            waiting: Mutex::default(),
        })
    }

    fn write(&self, buffer: &mut Vec<u8>, counters: &FileCounters) {
        std::mem::swap(buffer, &mut *self.waiting.lock());
        if buffer.is_empty() {
            return;
        }
        let result = match (&self.sink, &mut *self.file.lock()) {
            (AccessLogSink::File(_), Some(file)) => file.write_all(buffer),
            (AccessLogSink::File(_), None) => Ok(()),
            (AccessLogSink::Stdout, _) => flushed(io::stdout().lock(), buffer),
            (AccessLogSink::Stderr, _) => flushed(io::stderr().lock(), buffer),
        };
        match result {
            Ok(()) => counters.write_completed.inc(),
            Err(error) => {
                counters.write_failed.inc();
                tracing::warn!(sink = ?self.sink, %error, "access log lines are lost");
            }
        }
        buffer.clear();
    }
}

fn flushed(mut out: impl Write, buffer: &[u8]) -> io::Result<()> {
    out.write_all(buffer)?;
    out.flush()
}

/// Opening a sink is the log's business, not the configuration's.
trait OpenSink {
    fn open(&self) -> io::Result<Option<File>>;
    fn path(&self) -> PathBuf;
}

impl OpenSink for AccessLogSink {
    fn open(&self) -> io::Result<Option<File>> {
        match self {
            Self::File(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map(Some),
            Self::Stdout | Self::Stderr => Ok(None),
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Stdout => "/dev/stdout".into(),
            Self::Stderr => "/dev/stderr".into(),
        }
    }
}

impl fmt::Debug for AccessLogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLogWriter").finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("sink", &self.sink)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::tests::{request, state, table};

    fn file_log(path: &std::path::Path, format: &str) -> TextAccessLog {
        TextAccessLog {
            sink: AccessLogSink::File(path.to_owned()),
            format: Some(format.to_owned()),
        }
    }

    fn log_paths(logger: &AccessLogger, paths: &[&str]) {
        for path in paths {
            logger.log(&state(&table(Vec::new()), request("a", path, &[])));
        }
    }

    #[test]
    fn lines_are_appended_to_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        std::fs::write(&path, "before\n").unwrap();
        let writer = AccessLogWriter::start(&Stats::new()).unwrap();
        let logger = writer.open(&file_log(&path, "%REQ(:path)%\n")).unwrap();
        log_paths(&logger, &["/1", "/2"]);
        writer.flush();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\n/1\n/2\n");
    }

    #[test]
    fn workers_that_log_to_one_file_share_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let writer = AccessLogWriter::start(&Stats::new()).unwrap();
        for format in ["a%REQ(:path)%\n", "b%REQ(:path)%\n"] {
            log_paths(&writer.open(&file_log(&path, format)).unwrap(), &["/x"]);
        }
        drop(writer);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a/x\nb/x\n");
    }

    #[test]
    fn many_lines_all_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let stats = Stats::new();
        let writer = AccessLogWriter::start(&stats).unwrap();
        let config = file_log(
            &path,
            "%REQ(:path)% and some more text to fill the buffer\n",
        );
        let logger = writer.open(&config).unwrap();
        let stream = state(&table(Vec::new()), request("a", "/x", &[]));
        (0..5000).for_each(|_| logger.log(&stream));
        drop(writer);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap().lines().count(),
            5000
        );
        assert_eq!(stats.counter("filesystem.write_buffered").value(), 5000);
    }

    #[test]
    fn a_rotated_file_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("access.log"), folder.path().join("old"));
        let writer = AccessLogWriter::start(&Stats::new()).unwrap();
        let logger = writer.open(&file_log(&path, "%REQ(:path)%\n")).unwrap();
        log_paths(&logger, &["/1"]);
        writer.flush();
        std::fs::rename(&path, &rotated).unwrap();
        writer.reopen();
        log_paths(&logger, &["/2"]);
        writer.flush();
        assert_eq!(std::fs::read_to_string(&rotated).unwrap(), "/1\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "/2\n");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let writer = AccessLogWriter::start(&Stats::new()).unwrap();
        let path = std::path::Path::new("/nonexistent/access.log");
        let error = writer.open(&file_log(path, "x")).unwrap_err().to_string();
        assert!(
            error.starts_with("access log `/nonexistent/access.log`: "),
            "{error}"
        );
    }

    #[test]
    fn a_format_that_is_none_is_refused() {
        let writer = AccessLogWriter::start(&Stats::new()).unwrap();
        let config = TextAccessLog {
            sink: AccessLogSink::Stdout,
            format: Some("%NO%".to_owned()),
        };
        let error = writer.open(&config).unwrap_err().to_string();
        assert_eq!(error, "access log format: unknown operator `%NO%`");
    }
}
