//! What the program keeps of a fault: its group, its bundle, and the fault once more.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tollgate_integration_tests::client::Request;
use tollgate_integration_tests::{Supervised, debug_wasm_module, free_port, wasm_module};

use crate::support::{Configuration, Folder, LIMIT};

/// The guest that panics, and where.
const SOURCE: &str = include_str!("../../guests/lab/src/crashing.rs");
const PANIC: &str = "crashed as asked";
const LOOP: &str = "while std::hint::black_box";

/// Looks for a header and crashes over it.
const CRASH: &str = r#"(module
    (import "env" "proxy_get_header_map_value"
        (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "x-crash")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func $culprit (unreachable))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.eqz (call $get (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 64)
              (i32.const 68)))
          (then (call $culprit)))
        (i32.const 0)))"#;

/// A proxy with a plugin that crashes on demand and bundles that are wanted.
struct Crashing {
    folder: Folder,
    port: u16,
    admin: u16,
    _process: Supervised,
}

impl Crashing {
    fn start(module: &str) -> Self {
        Self::start_with(module, &[])
    }

    fn start_with(module: &str, more: &[&str]) -> Self {
        let folder = Folder::new();
        let (port, admin) = (free_port(), free_port());
        let text = Configuration::new(port, 1)
            .admin(admin)
            .plugin(module, "")
            .text();
        let file = folder.write(
            "envoy.yaml",
            text.replace("root_id: root", "root_id: crashing"),
        );
        let (bundles, cores) = (folder.path("bundles"), folder.path("cores"));
        let settings = format!(
            "diagnosis: {{ bundles: {bundles}, coredumps: {cores}, last_hostcalls: 8 }}\n\
             limits: {{ stream_deadline: 300ms }}\n"
        );
        let settings = folder.write("tollgate.yaml", settings);
        let arguments = ["run", &file, "--tollgate-config", &settings];
        let process = folder.start(&[&arguments, more].concat(), "serving");
        Self {
            folder,
            port,
            admin,
            _process: process,
        }
    }

    fn crash(&self) {
        self.ask("x-crash");
    }

    fn ask(&self, header: &str) {
        let request = Request::new(self.port, "GET", "/fixed").header(header, "yes");
        assert_eq!(request.send().status, 503);
    }

    /// Waits until the fault is explained, and returns its group.
    fn group(&self) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let text = self.page("/tollgate/faults");
            let page: Value = serde_json::from_str(&text).expect("the page is JSON");
            let group = at(&page, "/groups/0");
            if !bundle(group).is_empty() && at(group, "/coredumps/0").is_string() {
                return group.clone();
            }
            assert!(Instant::now() < deadline, "{page:#}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn page(&self, path: &str) -> String {
        Request::new(self.admin, "GET", path).send().text()
    }
}

/// What is at a place of a page; null where nothing is.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer).as_str().unwrap_or_default()
}

fn bundle(group: &Value) -> &str {
    text(group, "/bundles/0")
}

#[test]
fn a_panic_is_shown_with_its_line_and_can_be_replayed_also_on_a_rebuilt_module() {
    let module = debug_wasm_module("guest_lab").display().to_string();
    let proxy = Crashing::start(&module);
    proxy.crash();
    let group = proxy.group();
    let place = place_of(PANIC);
    assert!(text(&group, "/place").ends_with(&place), "{group:#}");
    assert_eq!(text(&group, "/plugin"), "guest");
    assert_eq!(text(&group, "/callback"), "proxy_on_request_headers");
    assert_eq!(
        (text(&group, "/kind"), at(&group, "/count")),
        ("trap", &Value::from(1))
    );
    let sample = at(&group, "/samples/0");
    assert!(text(sample, "/last_words").ends_with(PANIC), "{group:#}");
    assert!(!text(sample, "/request_id").is_empty(), "{group:#}");
    let calls = at(sample, "/hostcalls").as_array().expect("a list");
    let is_asked = |call: &Value| {
        text(call, "/name") == "proxy_get_header_map_value"
            && text(call, "/arguments").contains("x-crash")
            && text(call, "/outcome") == "Ok"
    };
    assert!(calls.iter().any(is_asked), "{group:#}");
    let page = proxy.page("/tollgate/faults?format=text");
    for words in [
        &*place,
        PANIC,
        "proxy_get_header_map_value(",
        "tollgate replay ",
    ] {
        assert!(page.contains(words), "{words:?} is missing in {page}");
    }

    let replayed = proxy.folder.run(&["replay", bundle(&group)]);
    replayed.went_well();
    for words in [&*place, PANIC, "x-crash: yes", "reproduced: the same fault"] {
        assert!(
            replayed.out.contains(words),
            "{words:?} is missing in {}",
            replayed.out
        );
    }
    let rebuilt = wasm_module("guest_lab").display().to_string();
    let replayed = proxy
        .folder
        .run(&["replay", bundle(&group), "--module", &rebuilt]);
    replayed.went_well();
    assert!(
        replayed.out.contains("another than the bundle's"),
        "{}",
        replayed.out
    );
}

/// The place of a text in the guest's source.
fn place_of(text: &str) -> String {
    let line = line_of(SOURCE, text);
    format!("guests/lab/src/crashing.rs:{line}")
}

fn line_of(source: &str, text: &str) -> usize {
    let line = source.lines().position(|line| line.contains(text));
    line.expect("the source has it") + 1
}

#[test]
fn a_loop_ends_at_its_deadline_and_is_shown_with_its_line() {
    let module = debug_wasm_module("guest_lab").display().to_string();
    for isolation in ["worker", "stream"] {
        let proxy = Crashing::start_with(&module, &["--isolation", isolation]);
        proxy.ask("x-loop");
        let group = proxy.group();
        assert_eq!(text(&group, "/kind"), "deadline", "{isolation}: {group:#}");
        let place = text(&group, "/place");
        assert!(place.ends_with(&place_of(LOOP)), "{isolation}: {group:#}");
    }
}

#[test]
fn a_crash_at_the_first_start_is_explained_and_can_be_replayed() {
    let folder = Folder::new();
    let module = debug_wasm_module("guest_lab").display().to_string();
    let text = Configuration::new(free_port(), 1)
        .plugin(&module, "")
        .text();
    let file = folder.write(
        "envoy.yaml",
        text.replace("root_id: root", "root_id: failing"),
    );
    let bundles = folder.path("bundles");
    let settings = format!("diagnosis: {{ bundles: {bundles} }}\n");
    let settings = folder.write("tollgate.yaml", settings);
    let ended = folder.run(&["run", &file, "--tollgate-config", &settings]);
    let panic = "crashed while it started";
    let line = line_of(include_str!("../../guests/lab/src/failing.rs"), panic);
    let place = format!("guests/lab/src/failing.rs:{line}");
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let verdict = ended.err.lines().last().unwrap_or_default();
    for words in [
        "tollgate: plugin `guest`",
        "proxy_on_configure",
        panic,
        &place,
    ] {
        assert!(verdict.contains(words), "{words:?}: {verdict}");
    }
    let bundle = fs::read_dir(&bundles).expect("the folder is made").next();
    let bundle = bundle.expect("there is a bundle").expect("it can be read");
    let bundle = bundle.path().display().to_string();
    for words in ["  0: ", &place, "last hostcalls:", &bundle] {
        assert!(ended.err.contains(words), "{words:?}: {}", ended.err);
    }
    let replayed = folder.run(&["replay", &bundle]);
    replayed.went_well();
    for words in [&*place, panic, "reproduced: the same fault"] {
        assert!(replayed.out.contains(words), "{words:?}: {}", replayed.out);
    }
}

#[test]
fn a_repaired_module_is_told_from_one_that_goes_another_way() {
    let folder = Folder::new();
    let compile = |name: &str, text: &str| {
        let bytes = wat::parse_str(text).expect("legal text");
        folder.write(name, bytes)
    };
    let proxy = Crashing::start(&compile("crash.wasm", CRASH));
    proxy.crash();
    let group = proxy.group();
    assert_eq!(text(&group, "/frames/0/function"), "culprit");
    assert_eq!(at(&group, "/place"), &Value::Null, "there is no DWARF");
    let bundle = bundle(&group);
    folder.run(&["replay", bundle]).went_well();
    let replay = |module: &str, words: &[&str]| {
        let ended = folder.run(&["replay", bundle, "--module", module]);
        ended.refused(&[&[&[bundle, "not reproduced"], words].concat()]);
    };
    let repaired = compile("repaired.wasm", &CRASH.replace("(unreachable)", ""));
    replay(&repaired, &["without a fault"]);
    let other = compile("other.wasm", &CRASH.replace("x-crash", "x-other"));
    replay(&other, &["hostcall 1", "\"x-crash\"", "\"x-other\""]);
    let elsewhere = compile("elsewhere.wasm", &CRASH.replace("$culprit", "$other"));
    replay(&elsewhere, &["another fault"]);
}

#[test]
fn a_bundle_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let module = folder.write("crash.wasm", wat::parse_str(CRASH).expect("legal text"));
    let proxy = Crashing::start(&module);
    proxy.crash();
    let group = proxy.group();
    let metadata = fs::metadata(bundle(&group)).expect("the bundle is there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let files = fs::read_dir(Path::new(&proxy.folder.path("bundles"))).expect("a folder");
    assert_eq!(files.count(), 1);
    let core = fs::read(text(&group, "/coredumps/0")).expect("the core dump is there");
    assert!(core.starts_with(b"\0asm"));
}

#[test]
fn a_file_that_is_no_bundle_is_refused_in_one_line() {
    let folder = Folder::new();
    let refused = |file: &str, words: &[&str]| {
        folder
            .run(&["replay", file])
            .refused(&[&[&[file], words].concat()]);
    };
    refused(&folder.path("nothing.crash"), &["No such file"]);
    refused(&folder.write("empty.crash", ""), &["no crash bundle"]);
    refused(
        &folder.write("text.crash", "any text"),
        &["no crash bundle"],
    );
    let cut = folder.write("cut.crash", "tollgate crash bundle 1\ncut");
    refused(&cut, &["damaged or cut short"]);
}

#[test]
fn the_doctor_has_a_line_for_each_thing() {
    let ended = Folder::new().run(&["doctor"]);
    ended.went_well();
    for what in [
        "wasm engine",
        "memfd",
        "PAGEMAP_SCAN",
        "cores",
        "open files",
        "address space",
        "Rust",
        "target",
        "envoy",
    ] {
        let is_about = |line: &str| {
            let words = ["ok ", "slower ", "absent "];
            words.iter().any(|word| line.starts_with(word)) && line.contains(&format!(" {what}: "))
        };
        assert!(ended.out.lines().any(is_about), "{what}: {}", ended.out);
    }
}
