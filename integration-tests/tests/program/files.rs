//! Files that `run` and `validate` are given.

use tollgate_integration_tests::free_port;

use crate::support::{Configuration, Folder};

/// Both commands refuse a file with the same words.
#[track_caller]
fn refused(folder: &Folder, file: &str, words: &[&str]) {
    folder.run(&["run", file]).refused(&[words]);
    folder.run(&["validate", file]).refused(&[words]);
}

fn good() -> String {
    Configuration::new(free_port(), 1).text()
}

#[test]
fn a_good_file_is_said_to_be_good() {
    let folder = Folder::new();
    let file = folder.write("envoy.yaml", good());
    let ended = folder.run(&["validate", &file]);
    ended.went_well();
    assert_eq!(ended.out, format!("{file}: OK\n"));
}

#[test]
fn a_missing_file_is_named() {
    let folder = Folder::new();
    let file = folder.path("envoy.yaml");
    refused(&folder, &file, &[&file, "No such file"]);
}

#[test]
fn a_directory_is_no_file() {
    let folder = Folder::new();
    let file = folder.path("");
    refused(&folder, &file, &[&file, "it is a directory"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    // The first page of no process can be read, not even by the administrator.
    refused(
        &Folder::new(),
        "/proc/self/mem",
        &["/proc/self/mem", "error"],
    );
}

#[test]
fn a_file_without_end_is_not_read_for_ever() {
    refused(&Folder::new(), "/dev/zero", &["/dev/zero", "too large"]);
}

#[test]
fn an_empty_file_configures_nothing() {
    let folder = Folder::new();
    let file = folder.write("envoy.yaml", "");
    refused(&folder, &file, &[&file, "nothing in this file"]);
}

#[test]
fn a_file_without_listeners_serves_nothing() {
    let folder = Folder::new();
    let file = folder.write("envoy.yaml", "static_resources: {}\n");
    folder.run(&["run", &file]).refused(&[&["no listener"]]);
}

#[test]
fn binary_garbage_is_no_text() {
    let folder = Folder::new();
    let file = folder.write("envoy.yaml", [0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0, 1]);
    refused(&folder, &file, &[&file, "not a text file", "YAML or JSON"]);
}

#[test]
fn text_that_is_no_yaml_is_refused_with_its_line() {
    let folder = Folder::new();
    let file = folder.write("envoy.yaml", "static_resources:\n  listeners: [\n");
    refused(&folder, &file, &[&format!("{file}:")]);
    let file = folder.write("envoy.json", "{ \"static_resources\": ");
    refused(&folder, &file, &[&format!("{file}:")]);
}

#[test]
fn an_unknown_field_is_refused_with_line_path_and_the_right_name() {
    let folder = Folder::new();
    let text = good().replace("connect_timeout", "conect_timeout");
    let line = 1 + text
        .lines()
        .take_while(|line| !line.contains("conect_timeout"))
        .count();
    let file = folder.write("envoy.yaml", text);
    let place = format!("{file}:{line} static_resources.clusters[0].conect_timeout: ");
    refused(&folder, &file, &[&place, "did you mean `connect_timeout`?"]);
}

#[test]
fn every_fault_of_a_file_has_a_line() {
    let folder = Folder::new();
    let text = good()
        .replace("connect_timeout", "conect_timeout")
        .replace("stat_prefix", "stat_perfix");
    let file = folder.write("envoy.yaml", text);
    let faults: [&[&str]; 2] = [&[&file, "stat_perfix"], &[&file, "conect_timeout"]];
    folder.run(&["run", &file]).refused(&faults);
}

#[test]
fn a_regular_expression_that_is_none_is_refused_in_one_line() {
    let folder = Folder::new();
    let text = good().replace("prefix: /fixed", "safe_regex: { regex: '/(fixed' }");
    let file = folder.write("envoy.yaml", text);
    refused(&folder, &file, &[&file, "safe_regex"]);
}

fn unsupported() -> String {
    good().replace(
        "stat_prefix: ingress",
        "stat_prefix: ingress\n          tracing: {}",
    )
}

#[test]
fn what_is_not_supported_is_refused_with_the_flag_that_ignores_it() {
    let folder = Folder::new();
    let file = folder.write("envoy.yaml", unsupported());
    refused(&folder, &file, &[&file, "tracing", "--ignore-unsupported"]);
}

#[test]
fn what_is_not_supported_can_be_ignored_with_a_warning() {
    let folder = Folder::new();
    let file = folder.write("envoy.yaml", unsupported());
    let ended = folder.run(&["validate", "--ignore-unsupported", &file]);
    ended.went_well();
    let warnings = ended.log_lines();
    assert_eq!(warnings.len(), 1, "{}", ended.err);
    for word in ["WARN", "tracing", &file] {
        assert!(
            ended.err.contains(word),
            "{word:?} is missing in {}",
            ended.err
        );
    }
    let process = folder.start(&["run", "--ignore-unsupported", &file], "serving");
    assert!(process.lines().iter().any(|line| line.contains("tracing")));
}

#[test]
fn every_bad_file_is_named_and_the_good_one_beside_them_does_not_start() {
    let folder = Folder::new();
    let good = folder.write("good.yaml", good());
    let (bad, missing) = (
        folder.write("bad.yaml", "nonsense: 1\n"),
        folder.path("missing.yaml"),
    );
    let faults: [&[&str]; 2] = [&[&bad, "nonsense"], &[&missing, "No such file"]];
    let ended = folder.run(&["run", &bad, &good, &missing]);
    ended.refused(&faults);
    assert!(!ended.err.contains("serving"), "{}", ended.err);
    let ended = folder.run(&["validate", &bad, &good, &missing]);
    ended.refused(&faults);
    assert_eq!(ended.out, format!("{good}: OK\n"));
}
