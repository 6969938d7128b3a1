//! `tollgate inspect`.

use tollgate_integration_tests::wasm_module;

use crate::guests::Guest;
use crate::support::Folder;

#[test]
fn a_good_module_is_described() {
    let module = wasm_module("api_key_auth").display().to_string();
    let ended = Folder::new().run(&["inspect", &module]);
    ended.went_well();
    for words in [
        "ABI version: 0.2.1",
        "memory: ",
        "env.proxy_get_header_map_value",
        "proxy_on_request_headers",
        "Envoy and Tollgate load it",
    ] {
        assert!(
            ended.out.contains(words),
            "{words:?} is missing in {}",
            ended.out
        );
    }
}

#[test]
fn a_module_that_hosts_refuse_is_described_with_the_reasons() {
    let folder = Folder::new();
    let guest = Guest::new().without_allocator();
    let guest = guest.imports(r#"(import "env" "proxy_no_such_call" (func))"#);
    let module = folder.write("module.wasm", guest.bytes());
    let ended = folder.run(&["inspect", &module]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "");
    let reasons: Vec<_> = ended
        .out
        .lines()
        .filter(|line| line.starts_with("refused"))
        .collect();
    assert!(
        reasons
            .iter()
            .any(|line| line.contains("env.proxy_no_such_call")),
        "{reasons:?}"
    );
    assert!(
        reasons
            .iter()
            .any(|line| line.contains("proxy_on_memory_allocate")),
        "{reasons:?}"
    );
    assert!(!ended.out.contains("Tollgate load it"), "{}", ended.out);
}

#[test]
fn what_is_no_module_is_refused_in_one_line() {
    let folder = Folder::new();
    let module = folder.write("module.wasm", "<html>\n<body>");
    folder
        .run(&["inspect", &module])
        .refused(&[&[&module, "not a valid WebAssembly module"]]);
    let module = folder.write("module.wasm", "");
    folder
        .run(&["inspect", &module])
        .refused(&[&[&module, "not a valid WebAssembly module"]]);
    let module = folder.path("missing.wasm");
    folder
        .run(&["inspect", &module])
        .refused(&[&[&module, "No such file"]]);
    let module = folder.path("");
    folder
        .run(&["inspect", &module])
        .refused(&[&[&module, "directory"]]);
}

#[test]
fn the_support_of_each_import_is_a_table_of_hosts() {
    let folder = Folder::new();
    let guest = Guest::new().imports(
        r#"(import "wasi_snapshot_preview1" "clock_res_get" (func (param i32 i32) (result i32)))"#,
    );
    let module = folder.write("module.wasm", guest.bytes());
    let ended = folder.run(&["inspect", &module]);
    ended.went_well();
    let row = |begin: &str| -> Vec<String> {
        let mut lines = ended.out.lines().map(str::trim);
        let line = lines.find(|line| line.starts_with(begin));
        let line = line.unwrap_or_else(|| panic!("{begin} is missing in {}", ended.out));
        line.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(
        row("Envoy 1.36").join(" "),
        "Envoy 1.36 Envoy 1.37 Envoy 1.38 Envoy 1.39 Envoy 1.40 ngx_wasm_module Tollgate"
    );
    assert_eq!(
        row("wasi_snapshot_preview1.clock_res_get")[1..],
        ["no", "no", "no", "yes", "yes", "?", "yes"]
    );
    let refusal = row("refused by Envoy 1.36 to 1.38:").join(" ");
    assert!(refusal.contains("run Envoy 1.39 or later"), "{refusal}");
    assert_eq!(
        row("loaded by").join(" "),
        "loaded by Envoy 1.39, Envoy 1.40, Tollgate"
    );
}
