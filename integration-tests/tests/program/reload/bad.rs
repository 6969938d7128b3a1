//! What cannot be served: the old version serves on, and the reason is told.

use std::fs;
use std::net::TcpListener;

use tollgate_integration_tests::client::Request;
use tollgate_integration_tests::free_port;

use super::Run;
use crate::guests::{CRASH, Guest, SPIN};

/// A module that cannot serve, and words of the reason.
type BadModule = (&'static str, Vec<u8>, &'static [&'static str]);

#[expect(clippy::too_many_lines, reason = "a table")]
fn bad_modules() -> Vec<BadModule> {
    let good = Guest::new();
    let whole = good.bytes();
    let cut = whole.get(..whole.len() - 5).expect("long enough").to_vec();
    vec![
        ("truncated", cut, &["guest"]),
        ("empty", Vec::new(), &["guest"]),
        ("text", b"#!/bin/sh\n".to_vec(), &["guest"]),
        (
            "of another ABI",
            good.clone().without_marker().bytes(),
            &["guest", "ABI"],
        ),
        (
            "without an allocator",
            good.clone().without_allocator().bytes(),
            &["guest", "proxy_on_memory_allocate"],
        ),
        (
            "with an import that nobody has",
            good.clone()
                .imports(r#"(import "env" "proxy_fly" (func))"#)
                .bytes(),
            &["guest", "proxy_fly"],
        ),
        (
            "with an import of another type",
            good.clone()
                .imports(r#"(import "env" "proxy_done" (func (param i64)))"#)
                .bytes(),
            &["guest", "proxy_done"],
        ),
        (
            "that crashes at its start",
            good.clone().start(CRASH).bytes(),
            &["guest", "_initialize", "unreachable"],
        ),
        (
            "that never starts",
            good.clone().start(SPIN).bytes(),
            &["guest", "_initialize"],
        ),
        (
            "that refuses to start",
            good.clone().vm_start("(i32.const 0)").bytes(),
            &["guest", "start"],
        ),
        (
            "that crashes when it is started",
            good.clone().vm_start(CRASH).bytes(),
            &["guest", "proxy_on_vm_start"],
        ),
        (
            "that refuses its configuration",
            good.clone().configure("(i32.const 0)").bytes(),
            &["guest", "configure"],
        ),
        (
            "that crashes while it is configured",
            good.clone().configure(CRASH).bytes(),
            &["guest", "proxy_on_configure", "unreachable"],
        ),
        (
            "that never ends its configuration",
            good.configure(SPIN).bytes(),
            &["guest", "proxy_on_configure"],
        ),
    ]
}

#[test]
fn a_bad_module_leaves_the_old_one_serving_and_says_why() {
    let run = Run::start(1);
    let connection = run.connect();
    for (what, bytes, words) in bad_modules() {
        run.write_module(bytes);
        run.reload_refused(words);
        assert_eq!(run.version(), "1", "a module {what}");
        let request = Request::new(run.port, "GET", "/fixed");
        assert_eq!(connection.send(request).status, 200, "a module {what}");
    }
    fs::remove_file(run.folder.path("filter.wasm")).expect("it is there");
    run.reload_refused(&["envoy.yaml:", "filename", "no such file"]);
    run.write_module(super::versioned("2"));
    run.reload_well();
    assert_eq!(run.version(), "2");
    run.wait_until("end of the old generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
}

#[test]
fn a_crash_at_the_start_of_a_new_version_is_among_the_faults() {
    let run = Run::start(1);
    let good = Guest::new();
    for (bytes, callback) in [
        (good.clone().start(CRASH).bytes(), "_initialize"),
        (good.clone().vm_start(CRASH).bytes(), "proxy_on_vm_start"),
        (good.configure(CRASH).bytes(), "proxy_on_configure"),
    ] {
        run.write_module(bytes);
        run.reload_refused(&[callback]);
        run.wait_until(callback, || has_fault(&run, callback));
    }
}

/// Whether the admin page of faults has one of the plugin in this callback.
fn has_fault(run: &Run, callback: &str) -> bool {
    let page = Request::new(run.admin, "GET", "/tollgate/faults").send();
    let page: serde_json::Value = serde_json::from_slice(&page.body).expect("the page is JSON");
    let groups = page.get("groups").and_then(serde_json::Value::as_array);
    groups.into_iter().flatten().any(|group| {
        group.get("callback") == Some(&callback.into())
            && group.get("plugin") == Some(&"guest".into())
    })
}

#[test]
fn a_bad_configuration_leaves_the_old_one_serving_and_says_why() {
    let run = Run::start(1);
    let good = run.configuration().text();
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = other.local_addr().expect("a bound socket").port();
    let with_taken = run.configuration().listener("second", taken).text();
    let twice = run.configuration().listener("second", run.port).text();
    let (free, refused) = (free_port(), format!("127.0.0.1:{taken}"));
    // A listener that could serve goes with the one that cannot.
    let half = run.configuration().listener("first", free);
    let half = half.listener("second", taken).text();
    let cases: &[(String, &[&str])] = &[
        (String::new(), &["envoy.yaml:1", "nothing"]),
        ("static_resources: [".to_owned(), &["envoy.yaml:"]),
        (
            good.replace("connect_timeout", "conect_timeout"),
            &["envoy.yaml:", "conect_timeout", "connect_timeout"],
        ),
        (
            good.replace("cluster: origin", "cluster: nowhere"),
            &["envoy.yaml:", "nowhere"],
        ),
        (
            good.replace("prefix: /fixed", "safe_regex: { regex: \"(\" }"),
            &["envoy.yaml:", "regex"],
        ),
        (
            good.replace("envoy.wasm.runtime.v8", "envoy.wasm.runtime.v9"),
            &["envoy.yaml:", "envoy.wasm.runtime.v9"],
        ),
        (
            good.replace("domains: [\"*\"]", "domains: []"),
            &["envoy.yaml:", "domains"],
        ),
        (
            good.replace("type: STATIC", "type: EDS"),
            &["envoy.yaml:", "EDS"],
        ),
        (
            "admin: {}\nstatic_resources: {}\n".to_owned(),
            &["no listener"],
        ),
        (with_taken, &["second", &refused]),
        (twice, &["second", "ingress"]),
        (half, &["second", &refused]),
    ];
    for (text, words) in cases {
        run.folder.write("envoy.yaml", text);
        run.reload_refused(words);
        assert_eq!(run.version(), "1", "{text}");
    }
    assert!(!super::listens(free), "a listener was left behind");
    fs::remove_file(run.folder.path("envoy.yaml")).expect("it is there");
    run.reload_refused(&["envoy.yaml"]);
    assert_eq!(run.version(), "1");
    assert_eq!(run.stat("tollgate.reload.failure"), cases.len() as u64 + 1);
    run.folder.write("envoy.yaml", good);
    assert_eq!(run.reload_well()["changed"], false);
}
