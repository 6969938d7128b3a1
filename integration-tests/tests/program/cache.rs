//! What is kept of compiled modules from one run to the next.

use std::fs;
use std::path::Path;

use tollgate_integration_tests::tollgate_command;

use crate::guests::Guest;
use crate::support::{Configuration, Folder};

/// A folder with a configuration that has a plugin, and its path.
fn with_plugin() -> (Folder, String) {
    let folder = Folder::new();
    let module = folder.write("filter.wasm", Guest::new().bytes());
    let text = Configuration::new(1, 1).plugin(&module, "").text();
    let file = folder.write("envoy.yaml", text);
    (folder, file)
}

/// Checks a configuration with a home of its own; returns what was printed.
fn validate(file: &str, home: &str, more: &[&str]) -> String {
    let output = tollgate_command()
        .args(["validate", file])
        .args(more)
        .env_remove("XDG_CACHE_HOME")
        .env("HOME", home)
        .output()
        .expect("the program can be run");
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{printed}");
    printed
}

fn is_filled(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| entries.count() > 0)
}

#[test]
fn compiled_modules_are_kept_in_the_users_folder_unless_that_is_off() {
    let (folder, file) = with_plugin();
    let home = folder.path("home");
    let kept = Path::new(&home).join(".cache/tollgate");
    let settings = folder.write("tollgate.yaml", "compile_cache: off");
    let with_settings = ["--tollgate-config", &settings];
    assert_eq!(validate(&file, &home, &with_settings), "");
    assert!(!kept.exists());
    assert_eq!(validate(&file, &home, &[]), "");
    assert!(is_filled(&kept));
}

#[test]
fn a_folder_that_takes_nothing_is_a_warning() {
    let (folder, file) = with_plugin();
    let home = folder.write("home", "a file");
    let printed = validate(&file, &home, &[]);
    let expected = "compiled modules are not kept";
    assert!(
        printed.contains("WARN") && printed.contains(expected) && printed.contains(&home),
        "{printed}"
    );
}
