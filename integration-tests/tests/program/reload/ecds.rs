//! A filter whose configuration is discovered in a file (ECDS), as Envoy does it.

use std::fs;

use super::{Run, versioned};

/// The file with the resource of the filter `guest`.
fn resource(name: &str, module: &str, type_name: &str) -> String {
    format!(
        r#"version_info: "1"
resources:
- "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
  name: {name}
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.{type_name}
    {}
"#,
        match type_name {
            "wasm.v3.Wasm" => format!(
                "config: {{ name: guest, vm_config: {{ runtime: envoy.wasm.runtime.v8, \
                 code: {{ local: {{ filename: \"{module}\" }} }} }} }}"
            ),
            _ => String::new(),
        }
    )
}

/// Replaces the file by a rename, the one change that Envoy sees.
fn push(run: &Run, text: &str) {
    let new = run.folder.write("ecds.new", text);
    fs::rename(new, run.folder.path("ecds.yaml")).expect("the folder takes files");
}

/// A run whose filter is discovered.
fn start() -> Run {
    let run = Run::start_with(1, &[]);
    let two = run.folder.write("two.wasm", versioned("2"));
    run.folder
        .write("ecds.yaml", resource("guest", &two, "wasm.v3.Wasm"));
    run.write_configuration(
        &run.configuration()
            .discovered(&run.folder.path("ecds.yaml")),
    );
    run.wait_for_version("2");
    run
}

#[test]
fn a_resource_that_is_renamed_into_place_is_served() {
    let run = start();
    let three = run.folder.write("three.wasm", versioned("3"));
    push(&run, &resource("guest", &three, "wasm.v3.Wasm"));
    run.wait_for_version("3");
    // The module that it names is watched as well.
    run.folder.write("three.wasm", versioned("4"));
    run.wait_for_version("4");
}

#[test]
fn a_bad_resource_leaves_the_old_one_serving_and_says_why() {
    let run = start();
    let good = run.folder.path("two.wasm");
    let bad = run.folder.write("bad.wasm", "no module");
    let router = "router.v3.Router";
    for (text, words) in [
        (
            resource("other", &good, "wasm.v3.Wasm"),
            "Unexpected resource name in ExtensionConfigDS response: other",
        ),
        (resource("guest", &good, router), "but expect"),
        (resource("guest", &bad, "wasm.v3.Wasm"), "guest"),
        (resource("guest", &good, "wasm.v3.Wasm") + "}", "ecds.yaml:"),
        ("version_info: \"2\"\n".to_owned(), "no resource"),
    ] {
        push(&run, &text);
        run.reload_refused(&[words]);
        assert_eq!(run.version(), "2", "{text}");
    }
}
