//! The files below `files/`: each is read as its folder says, with exactly the faults it ends with.
//!
//! `ok` and `refused` are what real Envoy accepts and refuses too; `unsupported` is valid for Envoy.
#![expect(clippy::unwrap_used, reason = "a failed read fails the test")]

use std::path::{Path, PathBuf};

use tollgate_config::{ConfigErrors, ErrorKind, LoadOptions, Loaded, load};

const STRICT: LoadOptions = LoadOptions {
    ignore_unsupported: false,
};
const LENIENT: LoadOptions = LoadOptions {
    ignore_unsupported: true,
};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/files").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5, "{} has few files", folder.display());
    files
}

/// The faults a file expects: its lines `# => line path: reason`.
fn expected(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("# => "))
        .map(str::to_owned)
        .collect()
}

fn actual(file: &Path, result: Result<Loaded, ConfigErrors>) -> Vec<String> {
    let Err(errors) = result else {
        return Vec::new();
    };
    let prefix = format!("{}:", file.display());
    let lines = errors.to_string();
    lines
        .lines()
        .map(|line| line.strip_prefix(&prefix).unwrap().to_owned())
        .collect()
}

#[test]
fn files_that_envoy_accepts_are_read_without_a_warning() {
    for file in files("ok") {
        let loaded = load(&file, &STRICT).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(loaded.warnings, [], "{}", file.display());
    }
}

#[test]
fn files_that_envoy_refuses_are_refused_with_line_path_and_reason() {
    for file in files("refused") {
        let faults = actual(&file, load(&file, &STRICT));
        assert!(!faults.is_empty(), "{} was accepted", file.display());
        assert_eq!(faults, expected(&file), "{}", file.display());
    }
}

#[test]
fn what_envoy_refuses_is_refused_leniently_too() {
    for file in files("refused") {
        assert!(
            load(&file, &LENIENT).is_err(),
            "{} was accepted",
            file.display()
        );
    }
}

#[test]
fn what_is_not_implemented_is_refused_by_its_path() {
    for file in files("unsupported") {
        let result = load(&file, &STRICT);
        if let Err(errors) = &result {
            assert!(
                errors
                    .iter()
                    .all(|error| error.kind == ErrorKind::Unsupported),
                "{errors}"
            );
        }
        let faults = actual(&file, result);
        assert!(!faults.is_empty(), "{} was accepted", file.display());
        assert_eq!(faults, expected(&file), "{}", file.display());
    }
}

#[test]
fn what_is_not_implemented_becomes_a_warning_on_request() {
    for file in files("unsupported") {
        let loaded = load(&file, &LENIENT).unwrap_or_else(|errors| panic!("{errors}"));
        let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
        for fault in expected(&file) {
            let warning = format!("{}:{fault}", file.display());
            assert!(
                warnings.contains(&warning),
                "{warning} is not among {warnings:#?}"
            );
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let errors = load(Path::new("tests/files/none.yaml"), &STRICT).unwrap_err();
    assert!(
        errors.to_string().starts_with("tests/files/none.yaml: "),
        "{errors}"
    );
}
