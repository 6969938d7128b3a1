//! `set_envoy_filter_state` and `declare_property`.

use tollgate_conformance::guest::{callback, guest};
use tollgate_conformance::{Host, Plugin, Running, Setup};

use crate::{REQUEST, both, call, field, number, observed};

const CLUSTER: &str = "envoy.tcp_proxy.cluster";
const IDLE_TIMEOUT_MS: &str = "envoy.tcp_proxy.per_connection_idle_timeout_ms";

fn set(label: &str, key: &str, value: &str) -> String {
    let arguments = [field(1, key.as_bytes()), field(2, value.as_bytes())].concat();
    call(label, "set_envoy_filter_state", &arguments)
}

fn read(key: &str) -> String {
    format!(r#"(call $property @"read" @"filter_state\00{key}")"#)
}

/// A TCP proxy to the cluster `tcp`, for a network filter that does this with a new connection.
fn connected(host: &Host, body: &str) -> Running {
    let new = callback("proxy_on_new_connection", &["id"], Some(0), body);
    host.serve(&Setup::tcp(Plugin::wat(guest(&new))))
}

#[test]
fn filter_state_that_the_tcp_proxy_reads_is_kept_for_any_stream_and_read_back() {
    both(
        "set_envoy_filter_state: values",
        "cluster=0 \"\"\nread=0 \"one\"\nagain=0 \"\"\nread=0 \"two\"\n\
         no number=2\nread=1\nnumber=0 \"\"\nread=0 \"7\"\nnegative=2\nread=0 \"7\"",
        |host| {
            let request = [
                REQUEST.to_owned(),
                set("cluster", CLUSTER, "one") + &read(CLUSTER),
                set("again", CLUSTER, "two") + &read(CLUSTER),
                set("no number", IDLE_TIMEOUT_MS, "soon") + &read(IDLE_TIMEOUT_MS),
                set("number", IDLE_TIMEOUT_MS, " +007") + &read(IDLE_TIMEOUT_MS),
                set("negative", IDLE_TIMEOUT_MS, "-1") + &read(IDLE_TIMEOUT_MS),
            ];
            observed(host, "", &request.concat())
        },
    );
}

#[test]
fn a_network_filter_chooses_the_cluster_of_its_connection() {
    both(
        "set_envoy_filter_state: cluster",
        "200 from origin, 0 connections to tcp: set=0 \"\", read=0 \"origin\"; no route: 1",
        |host| {
            // The origin's HTTP server answers, and not the one that the configuration names.
            let proxy = connected(host, &(set("set", CLUSTER, "origin") + &read(CLUSTER)));
            let status = proxy.get("/").send().status;
            let configured = proxy.stat("cluster.tcp.upstream_cx_total");
            let reports = proxy.reports().join(", ");
            let lost = connected(host, &set("set", CLUSTER, "nowhere"));
            let mut client = lost.tcp();
            client.end();
            drop(client.rest());
            let no_route = lost.stat("tcp.main.downstream_cx_no_route");
            format!(
                "{status} from origin, {} connections to tcp: {reports}; no route: {}",
                configured.unwrap_or_default(),
                no_route.unwrap_or_default()
            )
        },
    );
}

#[test]
fn a_network_filter_chooses_the_idle_timeout_of_its_connection() {
    both(
        "set_envoy_filter_state: idle timeout",
        "echo: hello, then closed; idle: 1",
        |host| {
            let proxy = connected(host, &set("set", IDLE_TIMEOUT_MS, "300"));
            let mut client = proxy.tcp();
            client.send(b"hello");
            let echo = client.rest_text();
            let idle = proxy.stat("tcp.main.idle_timeout");
            format!(
                "echo: {echo}, then closed; idle: {}",
                idle.unwrap_or_default()
            )
        },
    );
}

#[test]
fn filter_state_of_the_proxy_is_set_by_its_name() {
    both(
        "set_envoy_filter_state",
        "configuring=1\nunknown=1\nno message=2\nempty=1",
        |host| {
            let known = [field(1, b"envoy.tcp_proxy.cluster"), field(2, b"origin")].concat();
            let request = [
                REQUEST.to_owned(),
                call(
                    "unknown",
                    "set_envoy_filter_state",
                    &[field(1, b"nobody.knows"), field(2, b"v")].concat(),
                ),
                call("no message", "set_envoy_filter_state", b"\x0a\x7f"),
                call("empty", "set_envoy_filter_state", b""),
            ];
            let configure = call("configuring", "set_envoy_filter_state", &known);
            observed(host, &configure, &request.concat())
        },
    );
}

#[test]
fn a_declared_property_is_kept_and_read_as_declared() {
    both(
        "declare_property",
        "text=0 \"\"\nonce=0 \"\"\nagain=2\nno message=2\n\
         set once=0\nset again=2\nonce=0 \"first\"\n\
         set text=0\nset other=0\ntext=0 \"second\"\n\
         late=0 \"\"",
        |host| {
            let configure = [
                call(
                    "text",
                    "declare_property",
                    &[field(1, b"text"), number(3, 1)].concat(),
                ),
                call(
                    "once",
                    "declare_property",
                    &[field(1, b"once"), number(2, 1)].concat(),
                ),
                call("again", "declare_property", &field(1, b"text")),
                call("no message", "declare_property", b"\x0a\x7f"),
            ];
            let set = |label, name, value| {
                format!(
                    r#"(call $report @"{label}" (call $proxy_set_property @"{name}" @"{value}"))"#
                )
            };
            let request = [
                REQUEST.to_owned(),
                set("set once", "once", "first"),
                set("set again", "once", "second"),
                r#"(call $property @"once" @"once")"#.to_owned(),
                set("set text", "text", "first"),
                set("set other", "text", "second"),
                r#"(call $property @"text" @"text")"#.to_owned(),
                call("late", "declare_property", &field(1, b"late")),
            ];
            observed(host, &configure.concat(), &request.concat())
        },
    );
}
