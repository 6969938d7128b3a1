//! Programs: what they are started with, what they write, how they end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tollgate_runtime::program::{Output, Program, ProgramError, ProgramHost};

/// Keeps what is written, and waits without waiting.
#[derive(Default)]
struct Recorder {
    written: RefCell<Vec<(Output, String)>>,
    slept: RefCell<Vec<Duration>>,
}

impl ProgramHost for Recorder {
    fn write(&self, output: Output, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.written.borrow_mut().push((output, text));
    }
    fn realtime_nanos(&self) -> u64 {
        5_000
    }
    fn monotonic_nanos(&self) -> u64 {
        1_000
    }
    fn fill_random(&self, out: &mut [u8]) {
        out.fill(b'r');
    }
    fn sleep(&self, duration: Duration) {
        self.slept.borrow_mut().push(duration);
    }
}

/// Runs a program whose `_start` is this, with a memory and some functions at hand.
fn run(body: &str) -> (Result<i32, ProgramError>, Rc<Recorder>) {
    run_module(&format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write"
               (func $fd_write (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (import "wasi_snapshot_preview1" "args_sizes_get"
               (func $args_sizes (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "environ_get"
               (func $environ (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "random_get"
               (func $random (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "poll_oneoff"
               (func $poll (param i32 i32 i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "path_unlink_file"
               (func $unlink (param i32 i32 i32) (result i32)))
             (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
             (import "env" "proxy_done" (func $done (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 0x100) "hello")
             (func $print (param $fd i32) (param $ptr i32) (param $size i32)
               (i32.store (i32.const 0) (local.get $ptr))
               (i32.store (i32.const 4) (local.get $size))
               (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
             (func (export "_start") {body}))"#
    ))
}

fn run_module(text: &str) -> (Result<i32, ProgramError>, Rc<Recorder>) {
    let program = Program {
        arguments: vec!["tests.wasm".to_owned(), "--quiet".to_owned()],
        environment: vec![("KEY".to_owned(), "value".to_owned())],
    };
    let recorder = Rc::new(Recorder::default());
    let host: Rc<Recorder> = Rc::clone(&recorder);
    let ended = program.run(&::wat::parse_str(text).unwrap(), host);
    (ended, recorder)
}

fn written(recorder: &Recorder) -> Vec<(Output, String)> {
    recorder.written.borrow().clone()
}

#[test]
fn a_program_that_returns_ends_well() {
    assert_eq!(run("").0, Ok(0));
}

#[test]
fn an_exit_code_is_passed_on() {
    assert_eq!(run("(call $exit (i32.const 101)) unreachable").0, Ok(101));
}

#[test]
fn output_goes_where_it_was_written_to() {
    let (ended, recorder) = run("(call $print (i32.const 1) (i32.const 0x100) (i32.const 5))
         (call $print (i32.const 2) (i32.const 0x100) (i32.const 4))
         (call $print (i32.const 3) (i32.const 0x100) (i32.const 5))");
    assert_eq!(ended, Ok(0));
    let lines = [
        (Output::Standard, "hello".to_owned()),
        (Output::Error, "hell".to_owned()),
    ];
    assert_eq!(written(&recorder), lines);
}

#[test]
fn arguments_and_environment_are_there() {
    let (_, recorder) = run("(drop (call $args (i32.const 0x200) (i32.const 0x300)))
         (call $print (i32.const 1) (i32.load (i32.const 0x204)) (i32.const 7))
         (drop (call $environ (i32.const 0x200) (i32.const 0x300)))
         (call $print (i32.const 1) (i32.load (i32.const 0x200)) (i32.const 9))
         (drop (call $args_sizes (i32.const 0x200) (i32.const 0x204)))
         (call $exit (i32.add (i32.load (i32.const 0x200)) (i32.load (i32.const 0x204))))");
    let texts: Vec<_> = written(&recorder)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(texts, ["--quiet", "KEY=value"]);
}

#[test]
fn a_wild_address_is_an_errno() {
    let (ended, recorder) = run(
        "(call $print (i32.const 1) (i32.const 0x100) (i32.const -1))
         (call $exit (call $random (i32.const -1) (i32.const -1)))",
    );
    assert_eq!(ended, Ok(21));
    assert!(written(&recorder).is_empty());
}

#[test]
fn a_program_can_wait() {
    let (ended, recorder) = run("(i64.store (i32.const 0x218) (i64.const 7000))
         (drop (call $poll (i32.const 0x200) (i32.const 0x300) (i32.const 1) (i32.const 0x400)))
         (call $exit (i32.load (i32.const 0x400)))");
    assert_eq!(ended, Ok(1));
    assert_eq!(*recorder.slept.borrow(), [Duration::from_nanos(7_000)]);
}

#[test]
fn what_is_not_there_says_so() {
    let (ended, _) = run("(call $exit (call $unlink (i32.const 3) (i32.const 0) (i32.const 0)))");
    assert_eq!(ended, Ok(52), "ENOSYS");
    assert_eq!(run("(call $exit (call $done))").0, Ok(12), "Unimplemented");
}

#[test]
fn hostcalls_log_to_standard_error() {
    let (_, recorder) = run("(drop (call $log (i32.const 2) (i32.const 0x100) (i32.const 5)))");
    let line = (Output::Error, "[info] hello\n".to_owned());
    assert_eq!(written(&recorder), [line]);
}

#[test]
fn a_trap_is_told_with_where_it_happened() {
    let (ended, _) = run_module(
        r#"(module (func $careless unreachable) (func (export "_start") (call $careless)))"#,
    );
    let Err(ProgramError::Trap(text)) = ended else {
        unreachable!("{ended:?}");
    };
    assert!(
        text.contains("unreachable") && text.contains("in careless"),
        "{text}"
    );
}

#[test]
fn what_is_no_program_is_refused() {
    assert_eq!(run_module("(module)").0, Err(ProgramError::NoStart));
    let unknown = r#"(module (import "elsewhere" "f" (func)) (func (export "_start")))"#;
    assert!(
        matches!(run_module(unknown).0, Err(ProgramError::Load(text)) if text.contains("elsewhere"))
    );
}
