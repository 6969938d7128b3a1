//! Properties that guests set.

use super::reading;
use crate::guest::{guest, on_configure, on_request_headers, on_response_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::unrepeated;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "PR-15",
        text: "What a guest sets under a name it reads under that name and in the filter state.",
        verdict: Verdict::Same(
            r#"mine=1, set=0, mine=0 "value", filter_state/wasm.mine=0 "value", mine/deeper=1; path with a NUL: set=0, a/b=1, a=1"#,
        ),
        note: Some("A path of several parts is one name with a NUL in it, which no path can read."),
        run: set_and_read,
    },
    Statement {
        id: "PR-16",
        text: "A root context sets no property.",
        verdict: Verdict::Same("set=1"),
        note: None,
        run: |host| {
            let module = guest(&on_configure(&setting("mine", "value"), 1));
            let proxy = host.serve(&Setup::http(Plugin::wat(module)));
            unrepeated(&proxy.reports()).join(", ")
        },
    },
    Statement {
        id: "PR-17",
        text: "A property that one filter has set is seen by the others of the stream, and not by \
               the next stream.",
        verdict: Verdict::Same(r#"mine=0 "value", mine=1"#),
        note: None,
        run: shared_by_filters,
    },
    Statement {
        id: "PR-18",
        text: "Setting again replaces the value, unless the property was declared read-only.",
        verdict: Verdict::Same(
            r#"declared=0, again=2; set=0, set=0, mine=0 "two"; set=0, set=2, once=0 "one""#,
        ),
        note: Some("Declared by the foreign function declare_property, in the root context."),
        run: set_twice,
    },
];

fn setting(name: &str, value: &str) -> String {
    format!("(call $report @\"set\" (call $proxy_set_property @\"{name}\" @\"{value}\")) ")
}

fn run(host: &Host, body: &str) -> String {
    let module = guest(&on_request_headers(body, 0));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join(", ")
}

fn set_and_read(host: &Host) -> String {
    let read = reading(&["mine", "filter_state/wasm.mine", "mine/deeper"]);
    let one = [reading(&["mine"]), setting("mine", "value"), read].concat();
    let two = [setting("a\\00b", "value"), reading(&["a/b", "a"])].concat();
    format!("{}; path with a NUL: {}", run(host, &one), run(host, &two))
}

fn shared_by_filters(host: &Host) -> String {
    // Only the first request is one that the first filter sets the property for.
    let set = r#"
      (if (i32.eqz (global.get $served))
        (then
          (drop (call $proxy_set_property @"mine" @"value"))
          (global.set $served (i32.const 1))))"#;
    let setter = on_request_headers(set, 0) + "(global $served (mut i32) (i32.const 0))";
    let reader = on_request_headers(&reading(&["mine"]), 0);
    let plugins = [guest(&setter), guest(&reader)].map(Plugin::wat);
    let proxy = host.serve(&Setup::http(plugins));
    for _ in 0..2 {
        assert_eq!(proxy.get("/").send().status, 200);
    }
    proxy.reports().join(", ")
}

fn set_twice(host: &Host) -> String {
    // name "once", read-only
    let declare = r#"(call $proxy_call_foreign_function
        @"declare_property" @"\0a\04once\10\01" (i32.const 0x100) (i32.const 0x104))"#;
    let declare =
        format!("(call $report @\"declared\" {declare}) (call $report @\"again\" {declare})");
    let twice = |name| {
        let sets = [setting(name, "one"), setting(name, "two")].concat();
        sets + &reading(&[name])
    };
    let module = guest(
        &[
            on_configure(&declare, 1),
            on_request_headers(&twice("mine"), 0),
            on_response_headers(&twice("once"), 0),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    let declared = unrepeated(&proxy.reports()).join(", ");
    assert_eq!(proxy.get("/").send().status, 200);
    let reports = proxy.wait_for("once=");
    let of_stream = reports.len().checked_sub(6).expect("six reports");
    let (mine, once) = reports.split_at(of_stream).1.split_at(3);
    format!("{declared}; {}; {}", mine.join(", "), once.join(", "))
}
