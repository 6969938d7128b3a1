//! `set_envoy_filter_state` and `declare_property`.

use crate::{REQUEST, both, call, field, number, observed};

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
