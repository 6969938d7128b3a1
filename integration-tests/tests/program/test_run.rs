//! `tollgate test-run`, called by Cargo.

use std::process::{Command, Output};

use tollgate_integration_tests::tollgate_program;

use crate::support::Folder;

/// A crate whose tests call a host, read their surroundings, and do what `body` says.
fn tests(body: &str) -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("src")).expect("the temporary folder takes folders");
    folder.write(
        "Cargo.toml",
        "[package]\nname = \"filter\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n",
    );
    folder.write(
        "src/lib.rs",
        format!(
            r#"
            #[cfg(test)]
            mod tests {{
                #[link(wasm_import_module = "env")]
                unsafe extern "C" {{
                    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
                    fn proxy_done() -> u32;
                }}

                #[test]
                fn hostcalls_link() {{
                    let line = "told by a test";
                    let answers = unsafe {{ (proxy_log(2, line.as_ptr(), line.len()), proxy_done()) }};
                    assert_eq!(answers, (0, 12));
                }}

                #[test]
                fn surroundings_are_there() {{
                    assert_eq!(std::env::var("FROM_OUTSIDE").as_deref(), Ok("yes"));
                    assert!(std::time::SystemTime::now() > std::time::UNIX_EPOCH);
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    assert!(std::fs::read("Cargo.toml").is_err());
                }}

                #[test]
                fn the_last() {{ {body} }}
            }}"#
        ),
    );
    folder
}

/// Runs the crate's tests inside wasm, those with a name like `filter`.
fn run(folder: &Folder, filter: &str) -> Output {
    let runner = format!("{} test-run", tollgate_program().display());
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["test", "--offline", "--lib", "--target", "wasm32-wasip1"])
        .args(["--manifest-path", &folder.path("Cargo.toml")])
        .args(["--target-dir", &folder.path("target"), "--", filter])
        .env("CARGO_TARGET_WASM32_WASIP1_RUNNER", runner)
        .env("FROM_OUTSIDE", "yes");
    for variable in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    cargo.output().expect("cargo can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn tests_run_inside_wasm_and_their_success_is_cargos() {
    let ended = run(&tests(""), "");
    let (out, err) = (text(&ended.stdout), text(&ended.stderr));
    assert!(ended.status.success(), "{out}{err}");
    assert!(out.contains("3 passed"), "{out}");
    assert!(err.contains("[info] told by a test"), "{err}");
}

#[test]
fn a_test_that_panics_fails_with_its_message() {
    let folder = tests("let left = 1; assert_eq!(left, 2, \"sums differ\");");
    let ended = run(&folder, "the_last");
    let err = text(&ended.stderr);
    assert!(!ended.status.success(), "{err}");
    assert!(
        err.contains("sums differ") && err.contains("src/lib.rs"),
        "{err}"
    );
    let others = run(&folder, "hostcalls");
    assert!(others.status.success(), "{}", text(&others.stderr));
    assert!(text(&others.stdout).contains("2 filtered out"));
}

#[test]
fn what_is_no_program_is_refused() {
    let folder = Folder::new();
    let module = folder.write("filter.wasm", b"\0asm\x01\0\0\0");
    let ended = folder.run(&["test-run", &module]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("build it for wasm32-wasip1"),
        "{}",
        ended.err
    );
}
