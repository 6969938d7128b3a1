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
    assert!(!ended.out.contains("load it"), "{}", ended.out);
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
