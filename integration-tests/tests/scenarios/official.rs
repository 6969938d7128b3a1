//! The whole surface of the official Rust crate: what a filter written with it calls must be there
//! and give the same on both proxies.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tollgate_integration_tests::client::Body;
use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::{Proxy, SharedPair, repository_root};

static OFFICIAL: SharedPair = SharedPair::new("conformance/official.yaml");

const SURFACE: u16 = 10_000;
const RESUMING: u16 = 10_001;
const FINISHING: u16 = 10_002;

fn log(proxy: &Proxy, last: &str) -> Vec<String> {
    proxy.guest_log("surface", last)
}

#[test]
fn every_method_for_headers_trailers_and_bodies_works() {
    let (response, received, log) = OFFICIAL.compare(|proxy| {
        let answer = Body::chunks().chunk("a").trailers(&[("x-end", "1")]);
        proxy
            .origin()
            .answer("/surface/trait", Answer::stream(answer));
        let body = Body::chunks().chunk("q").trailers(&[("x-end", "2")]);
        let request = proxy.post(SURFACE, "/surface/trait").http2();
        let response = request.stream(body).send();
        (response, proxy.origin().only_request(), log(proxy, "done"))
    });
    assert_eq!((response.status, response.text().as_str()), (200, "told"));
    assert_eq!(received.text(), "asked");
    let own = "x-own-add=3 x-own-add=4 x-own-set=5 x-own-set-bytes=\\xff";
    let mut expected = Vec::new();
    for (direction, body) in [("request", "q"), ("response", "a")] {
        for part in ["headers", "body", "trailers"] {
            if part == "body" {
                expected.push(format!("info {direction} body {body}, ends false"));
                continue;
            }
            expected.push(format!("info {direction} {part}: Some(\"3\") Some([255])"));
            expected.push(format!("info {direction} {part}: {own}"));
        }
    }
    expected.extend(["info logged", "info done"].map(str::to_owned));
    assert_eq!(log, expected);
}

#[test]
fn every_hostcall_for_headers_and_bodies_works() {
    let (received, log) = OFFICIAL.compare(|proxy| {
        let request = proxy.post(SURFACE, "/surface/hostcalls").body("q");
        assert_eq!(request.send().status, 200);
        (proxy.origin().only_request(), log(proxy, "logged"))
    });
    assert_eq!(received.text(), "asked");
    let own = "x-own-add=3 x-own-add=4 x-own-set=5 x-own-set-bytes=\\\\xff";
    let map = format!("Ok(\"Some(\\\"5\\\") Some([255]) None {own}\")");
    assert_eq!(
        log,
        [
            "info removed: Ok(())".to_owned(),
            format!("info request: {map}"),
            "info request body: Ok(Some([113]))".to_owned(),
            "info set: Ok(())".to_owned(),
            format!("info response: {map}"),
            "info logged".to_owned(),
        ]
    );
}

#[test]
fn every_method_for_the_answer_of_a_callout_works() {
    let log = OFFICIAL.compare(|proxy| {
        let answer = Body::chunks().chunk("aside").trailers(&[("x-end", "1")]);
        proxy.origin().answer("/side", Answer::stream(answer));
        assert_eq!(proxy.get(SURFACE, "/surface/call").send().status, 200);
        log(proxy, "logged")
    });
    assert_eq!(
        log,
        [
            "info headers: true",
            "info status: Some(\"200\") Some([50, 48, 48])",
            "info body: aside",
            "info trailers: 1 [(\"x-end\", \"1\")] [(\"x-end\", [49])] Some(\"1\") Some([49])",
            "info resumed: Ok(()) Ok(())",
            "info response: Ok(())",
            "info logged",
        ]
    );
}

#[test]
fn every_service_of_the_host_answers() {
    let (response, log) = OFFICIAL.compare(|proxy| {
        let response = proxy.get(SURFACE, "/surface/services").send();
        (response, log(proxy, "logged"))
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (418, "short and stout\n")
    );
    assert_eq!(response.headers.all("x-from"), ["surface"]);
    assert_eq!(
        log,
        [
            "info properties: Ok(\"true Some([50])\")",
            "info shared data: Ok(\"Some([49]) true Ok(()) Err(CasMismatch) Ok(()) None\")",
            "info metrics: Ok(\"true 7\")",
            "info clocks: Ok(\"true\")",
            "info level: Ok(Info)",
            "warn a warning",
            "info log: Ok(())",
            "info sent: Ok(())",
            "info logged",
        ]
    );
}

#[test]
fn a_grpc_status_of_its_own_reaches_the_client() {
    let response = OFFICIAL.compare(|proxy| {
        let request = proxy.post(SURFACE, "/surface/services").grpc();
        let response = request.header("x-answer", "grpc").send();
        let _ = log(proxy, "logged");
        response
    });
    assert_eq!(response.status, 200);
    assert_eq!(response.header("grpc-status"), Some("15"));
    assert_eq!(response.header("grpc-message"), Some("lost"));
    assert_eq!(response.header("x-from"), Some("surface"));
}

/// A message with gRPC's prefix.
fn framed(message: &str) -> Vec<u8> {
    let size = u32::try_from(message.len()).expect("a short message");
    [&[0], size.to_be_bytes().as_slice(), message.as_bytes()].concat()
}

fn grpc_answer(body: Body, status: &str) -> Answer {
    let trailers = [
        ("grpc-status", status),
        ("grpc-message", "why"),
        ("x-end", "1"),
    ];
    Answer::stream(body.trailers(&trailers))
        .header("content-type", "application/grpc")
        .header("x-begin", "1")
}

#[test]
fn every_method_for_grpc_calls_works() {
    for (status, expected) in [
        (
            "0",
            vec!["info answered: expected true, status 0, Some(\"answer\")"],
        ),
        (
            "7",
            vec![
                "info answered: expected true, status 7, None",
                "info why: (7, Some(\"why{via_upstream}\")) Ok((7, Some(\"why{via_upstream}\")))",
            ],
        ),
    ] {
        let (received, log) = OFFICIAL.compare(|proxy| {
            let body = Body::chunks().chunk(framed("answer"));
            let path = "/surface.Service/Call";
            proxy.origin().answer(path, grpc_answer(body, status));
            assert_eq!(proxy.get(SURFACE, "/surface/grpc-call").send().status, 200);
            let received = proxy.origin().received();
            let call = received
                .into_iter()
                .find(|r| r.path == path)
                .expect("a call");
            (call.body, log(proxy, "logged"))
        });
        assert_eq!(received, framed("question"));
        let (first, rest) = log.split_first().expect("lines");
        assert_eq!(first, "info unknown cluster: Err(ParseFailure)");
        let (last, rest) = rest.split_last().expect("lines");
        assert_eq!(last, "info logged");
        assert_eq!(rest, expected);
    }
}

#[test]
fn every_method_for_grpc_streams_works() {
    let (received, log) = OFFICIAL.compare(|proxy| {
        let body = Body::chunks().chunk(framed("eins")).chunk(framed("zwei"));
        let path = "/surface.Service/Talk";
        proxy.origin().answer(path, grpc_answer(body, "0"));
        assert_eq!(
            proxy.get(SURFACE, "/surface/grpc-stream").send().status,
            200
        );
        let received = proxy.origin().received();
        let call = received
            .into_iter()
            .find(|r| r.path == path)
            .expect("a call");
        (call.body, log(proxy, "logged"))
    });
    assert_eq!(received, [framed("one"), framed("two")].concat());
    assert_eq!(
        log,
        [
            "info unknown cluster: Err(ParseFailure)",
            "info sent: Ok(())",
            "info initial: true true Some([49])",
            "info message: eins",
            "info message: zwei",
            "info trailing: true Some([49])",
            "info closed: 0",
            "info logged",
        ]
    );
}

#[test]
fn cancelled_grpc_calls_and_streams_are_not_heard_of() {
    let log = OFFICIAL.compare(|proxy| {
        assert_eq!(
            proxy.get(SURFACE, "/surface/grpc-cancel").send().status,
            200
        );
        log(proxy, "logged")
    });
    assert_eq!(
        log,
        [
            "info calls: Ok(()) Err(NotFound)",
            "info streams: Ok(()) Err(NotFound) Err(NotFound)",
            "info logged",
        ]
    );
}

#[test]
fn foreign_functions_take_and_give_bytes() {
    let log = OFFICIAL.compare(|proxy| {
        assert_eq!(proxy.get(SURFACE, "/surface/foreign").send().status, 200);
        log(proxy, "foreign")
    });
    assert_eq!(
        log,
        ["info foreign: Ok(\"surface surface surface Err(NotFound)\")"]
    );
}

/// The crate knows no other answer than yes; a host that cannot do it ends the VM.
#[test]
fn calls_out_of_place_end_the_vm() {
    let outcome = OFFICIAL.compare(|proxy| {
        let resumed = proxy
            .get(RESUMING, "/surface/resume-upstream")
            .send()
            .status;
        let first = proxy.guest_log("resuming", "panicked");
        let finished = proxy.get(FINISHING, "/surface/done").send().status;
        (resumed, first.len(), finished)
    });
    assert_eq!(outcome, (503, 3, 503));
}

/// Envoy has one more root context on its main thread, and one in a VM that it only tries.
#[test]
fn a_root_is_configured_ticks_and_gets_its_queue() {
    let mut lines = OFFICIAL.compare(|proxy| {
        let wanted = |line: &String| line.contains("wasm log surface surface-vm: ready: true");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !proxy.output().iter().any(wanted) {
            assert!(
                std::time::Instant::now() < deadline,
                "{:#?}",
                proxy.output()
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let output = proxy.output();
        let of_root = output
            .iter()
            .filter_map(|line| line.split_once("wasm log surface surface-vm: "));
        let mut lines: Vec<_> = of_root.map(|(_, text)| text.to_owned()).collect();
        lines.retain(|line| !line.starts_with("ready"));
        lines.sort();
        lines.dedup();
        lines
    });
    lines.sort();
    assert_eq!(
        lines,
        [
            "configuration: of the plugin true",
            "enqueued: Ok(()) Ok(()) Err(NotFound)",
            "period: Ok(())",
            "queue: true Ok(None)",
            "vm configuration: of the VM true",
        ]
    );
}

/// The guests' sources name each method and function that the crate has for guests.
#[test]
fn no_method_and_no_hostcall_of_the_crate_is_left_out() {
    let crate_sources = crate_sources();
    let mut names = Vec::new();
    for (file, start) in [("traits.rs", "    fn "), ("hostcalls.rs", "pub fn ")] {
        let text = fs::read_to_string(crate_sources.join(file)).expect("the crate's sources");
        let found = text.lines().filter_map(|line| line.strip_prefix(start));
        names.extend(found.filter_map(|line| Some(line.split_once('(')?.0.to_owned())));
    }
    assert!(names.len() > 150, "the crate has more than {}", names.len());
    let mut guests = String::new();
    collect(
        &repository_root().join("integration-tests/guests/official/src"),
        &mut guests,
    );
    let words: BTreeSet<_> = guests
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    names.retain(|name| !words.contains(name.as_str()) && !name.starts_with("proxy_"));
    assert!(names.is_empty(), "no guest uses {names:?}");
}

fn crate_sources() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(repository_root())
        .output()
        .expect("cargo can be run");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo describes it");
    let packages = metadata.get("packages").and_then(Value::as_array);
    let manifest = packages
        .into_iter()
        .flatten()
        .find(|package| package.get("name").and_then(Value::as_str) == Some("proxy-wasm"))
        .and_then(|package| package.get("manifest_path")?.as_str())
        .expect("the workspace uses the crate");
    Path::new(manifest).with_file_name("src")
}

fn collect(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("the guests' sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, text);
        } else {
            text.push_str(&fs::read_to_string(&path).expect("a source is text"));
        }
    }
}
