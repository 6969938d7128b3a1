//! Programs that end when the tests do, and what they print.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::artifact::{CACHE_VARIABLE, cache_dir};

/// Runs a program beside a watcher that kills it when standard input closes. A test that is killed
/// runs no destructor, and the statics of a test binary never do; a closed pipe works always.
const SUPERVISOR: &str = r#"
exec 3<&0
pid_file="$1"; shift
"$@" </dev/null 3<&- &
child=$!
echo "$child" >"$pid_file"
{ cat <&3; kill -KILL "$child"; } >/dev/null 2>&1 &
watcher=$!
wait "$child"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"
"#;

/// How a line begins that this harness writes between those of the program.
const MARK: &str = "harness-mark-";

/// What a program has written is read this soon.
const OUTPUT_LIMIT: Duration = Duration::from_secs(10);

/// A running program.
#[derive(Debug)]
pub struct Supervised {
    supervisor: Child,
    /// Closing it ends the program.
    lifeline: Option<ChildStdin>,
    output: Arc<Output>,
    pid: u32,
}

/// What a program has printed, on both streams.
#[derive(Debug)]
struct Output {
    collected: Mutex<Collected>,
    grown: Condvar,
}

#[derive(Debug)]
struct Collected {
    lines: Vec<String>,
    /// Marks that this harness wrote between the program's lines.
    marks: BTreeSet<String>,
    open_streams: usize,
}

impl Supervised {
    /// Starts a program in a folder; `scratch` is a folder for the supervisor's own file.
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        folder: &Path,
        scratch: &Path,
    ) -> Self {
        let pid_file = scratch.join("pid");
        let mut supervisor = Command::new("/bin/sh")
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(&pid_file)
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .env(CACHE_VARIABLE, cache_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let output = Arc::new(Output {
            collected: Mutex::new(Collected {
                lines: Vec::new(),
                marks: BTreeSet::new(),
                open_streams: 2,
            }),
            grown: Condvar::new(),
        });
        let stdout = supervisor.stdout.take().expect("the output is piped");
        let stderr = supervisor.stderr.take().expect("the output is piped");
        collect(stdout, Arc::clone(&output));
        collect(stderr, Arc::clone(&output));
        let lifeline = supervisor.stdin.take();
        let pid = read_pid(&pid_file);
        Self {
            supervisor,
            lifeline,
            output,
            pid,
        }
    }

    /// The program's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How the program ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.supervisor.try_wait().ok().flatten()
    }

    /// Waits until the program ends by itself.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// All lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines_from(0)
    }

    /// The lines from an index on.
    #[must_use]
    pub fn lines_from(&self, start: usize) -> Vec<String> {
        let collected = self.output.collected.lock();
        collected.lines.iter().skip(start).cloned().collect()
    }

    /// How many lines there are.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.output.collected.lock().lines.len()
    }

    /// Waits until all is collected that the program has printed by now: what it wrote before a
    /// mark in the same pipe is read before the mark.
    pub fn catch_up(&self) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        for descriptor in [1, 2] {
            let mark = format!("{MARK}{}", NEXT.fetch_add(1, Ordering::Relaxed));
            let path = format!("/proc/{}/fd/{descriptor}", self.supervisor.id());
            let written = OpenOptions::new()
                .write(true)
                .open(path)
                // One write, so that no line of the program gets in between.
                .and_then(|mut pipe| pipe.write_all(format!("{mark}\n").as_bytes()));
            if written.is_err() {
                // The supervisor ends with its program, and its ends of the pipes with it.
                self.wait_for_end_of_output();
                return;
            }
            self.wait_for(OUTPUT_LIMIT, |collected| {
                collected.marks.contains(&mark) || collected.open_streams == 0
            });
        }
    }

    /// Waits until all is collected that the program, which has ended, had printed.
    pub fn wait_for_end_of_output(&self) {
        self.wait_for(OUTPUT_LIMIT, |collected| collected.open_streams == 0);
    }

    /// Waits until nothing has been printed for a while.
    pub fn wait_for_silence(&self, duration: Duration) {
        let mut collected = self.output.collected.lock();
        while !self
            .output
            .grown
            .wait_for(&mut collected, duration)
            .timed_out()
        {}
    }

    /// Waits until a line from an index on is what is looked for.
    pub fn wait_for_line(
        &self,
        start: usize,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> bool {
        self.wait_for(limit, |collected| {
            collected.lines.iter().skip(start).any(|line| wanted(line))
        })
    }

    /// Waits until the lines are what is looked for.
    pub fn wait_for_lines(&self, limit: Duration, done: impl Fn(&[String]) -> bool) -> bool {
        self.wait_for(limit, |collected| done(&collected.lines))
    }

    fn wait_for(&self, limit: Duration, done: impl Fn(&Collected) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut collected = self.output.collected.lock();
        while !done(&collected) {
            let waited = self.output.grown.wait_until(&mut collected, deadline);
            if waited.timed_out() {
                return done(&collected);
            }
        }
        true
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.lifeline = None;
        // The supervisor ends with its child; nothing is left to do when it cannot be waited for.
        drop(self.supervisor.wait());
    }
}

/// Sends a signal, named as `kill` names it, to a process that this harness started.
pub fn kill_signal(pid: u32, signal: &str) {
    let status = Command::new("/bin/sh")
        .args(["-c", &format!("kill -{signal} {pid}")])
        .status()
        .expect("a shell can be run");
    assert!(status.success(), "process {pid} takes no {signal}");
}

fn collect(stream: impl Read + Send + 'static, output: Arc<Output>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut collected = output.collected.lock();
            if line.starts_with(MARK) {
                collected.marks.insert(line);
            } else {
                collected.lines.push(line);
            }
            drop(collected);
            output.grown.notify_all();
        }
        output.collected.lock().open_streams -= 1;
        output.grown.notify_all();
    });
}

fn read_pid(file: &Path) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Ok(text) = fs::read_to_string(file)
            && let Some(line) = text.strip_suffix('\n')
        {
            return line.parse().expect("the supervisor writes a process id");
        }
        assert!(
            Instant::now() < deadline,
            "the supervisor wrote no process id"
        );
        thread::sleep(Duration::from_millis(2));
    }
}
