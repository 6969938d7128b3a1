//! Which function of a module gives the host memory, and what it may do.

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::loading::reaction;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LD-14",
        text: "A module without malloc and without proxy_on_memory_allocate is refused.",
        verdict: Verdict::Same("refuses: malloc"),
        note: None,
        run: |host| {
            // The mention keeps the usual allocator away.
            let module = guest(r#"(func (export "malloc_") (drop (i32.const 0))) ;; "malloc""#);
            reaction(host, &module, &["malloc"])
        },
    },
    Statement {
        id: "LD-15",
        text: "Of malloc and proxy_on_memory_allocate only malloc is called.",
        verdict: Verdict::Same("malloc"),
        note: Some("The specification says that proxy_on_memory_allocate is preferred."),
        run: |host| allocators(host, &["malloc", "proxy_on_memory_allocate"]),
    },
    Statement {
        id: "LD-16",
        text: "Without malloc proxy_on_memory_allocate is called.",
        verdict: Verdict::Same("proxy_on_memory_allocate"),
        note: None,
        run: |host| allocators(host, &["proxy_on_memory_allocate"]),
    },
    Statement {
        id: "LD-23",
        text: "An allocator may log; any other proxy function that it calls traps.",
        verdict: Verdict::Same("logging: 200 called; setting a property: 503"),
        note: None,
        run: calls_of_the_allocator,
    },
];

/// Lets a guest with these allocators read a header; returns which were called.
fn allocators(host: &Host, names: &[&str]) -> String {
    let mut fields = String::new();
    for name in names {
        fields.push_str(&format!(
            r#"(func (export "{name}") (param i32) (result i32)
                 (call $say @"{name}") (i32.const 0x2000))"#
        ));
    }
    let read = r#"(drop (call $proxy_get_header_map_value (i32.const 0) @":path"
                      (i32.const 0x100) (i32.const 0x104)))"#;
    host.reports(&guest(&(fields + &on_request_headers(read, 0))))
}

fn calls_of_the_allocator(host: &Host) -> String {
    let logging = with_allocator(host, r#"(call $say @"called")"#);
    let setting = with_allocator(host, r#"(drop (call $proxy_set_property @"key" @"value"))"#);
    format!("logging: {logging}; setting a property: {setting}")
}

fn with_allocator(host: &Host, body: &str) -> String {
    let read = r#"(drop (call $proxy_get_header_map_value (i32.const 0) @":path"
                      (i32.const 0x100) (i32.const 0x104)))"#;
    let module = guest(&format!(
        r#"(func (export "malloc") (param i32) (result i32) {body} (i32.const 0x2000)) {}"#,
        on_request_headers(read, 0)
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    let status = proxy.get("/").send().status;
    format!("{status} {}", proxy.reports().join(", "))
        .trim_end()
        .to_owned()
}
