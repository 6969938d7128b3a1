//! `tollgate demo`.

use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;

use tollgate_integration_tests::client::Request;
use tollgate_integration_tests::{Supervised, kill_signal};

use crate::support::{Folder, LIMIT};

fn start(folder: &Folder) -> Supervised {
    folder.start(&["demo", "--port", "0"], "Ctrl-C ends it")
}

/// What the demo prints after a word that begins a line.
fn said(process: &Supervised, word: &str) -> String {
    let lines = process.lines();
    let rest = lines
        .iter()
        .find_map(|line| line.trim_start().strip_prefix(word));
    let rest = rest.unwrap_or_else(|| panic!("no line begins with {word}: {lines:#?}"));
    rest.trim().to_owned()
}

/// The port in what the demo prints after a word.
fn port(process: &Supervised, word: &str) -> u16 {
    let rest = said(process, word);
    let address = rest
        .strip_prefix("http://127.0.0.1:")
        .expect("an address on loopback");
    let end = address
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(address.len());
    address.split_at(end).0.parse().expect("a port")
}

#[test]
fn the_three_requests_it_proposes_are_rejected_accepted_and_limited() {
    let folder = Folder::new();
    let process = start(&folder);
    let port = port(&process, "listener");
    let with_key = || Request::new(port, "GET", "/").header("x-api-key", "demo-key");
    assert_eq!(Request::new(port, "GET", "/").send().status, 401);
    let accepted = with_key().send();
    assert_eq!(accepted.status, 200);
    assert!(
        accepted.text().contains("x-consumer: demo"),
        "{}",
        accepted.text()
    );
    let deadline = Instant::now() + LIMIT;
    let limited = loop {
        let response = with_key().send();
        if response.status != 200 {
            break response;
        }
        assert!(Instant::now() < deadline, "no request was limited");
    };
    assert_eq!(limited.status, 429);
    for (situation, proof) in [
        ("rejected", "curl -i http://"),
        ("accepted", "-H 'x-api-key: demo-key'"),
        ("limited", "-H 'x-api-key: demo-key'"),
    ] {
        let line = said(&process, situation);
        assert!(line.starts_with("curl ") && line.contains(proof), "{line}");
        assert!(line.contains(&format!("127.0.0.1:{port}")), "{line}");
    }
}

#[test]
fn it_prints_an_admin_address_that_answers() {
    let folder = Folder::new();
    let process = start(&folder);
    let ready = Request::new(port(&process, "admin"), "GET", "/ready").send();
    assert_eq!((ready.status, ready.text().trim()), (200, "LIVE"));
}

#[test]
fn it_ends_at_a_signal_and_leaves_no_files() {
    let folder = Folder::new();
    let mut process = start(&folder);
    let line = said(&process, "the file");
    let (file, _) = line.split_once(' ').expect("a path and a remark");
    assert!(Path::new(file).is_file());
    kill_signal(process.pid(), "TERM");
    let status = process.wait(LIMIT).expect("the demo ends");
    assert_eq!(status.code(), Some(0));
    assert!(!Path::new(file).exists());
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_chooses_another() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let words = [&*port, "in use", "tollgate demo --port"];
    Folder::new()
        .run(&["demo", "--port", &port])
        .refused(&[&words]);
}
