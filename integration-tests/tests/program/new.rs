//! `tollgate new`.

use std::fs;
use std::path::Path;

use tollgate_integration_tests::Project;

use crate::support::Folder;

#[test]
fn a_project_is_written_and_the_next_steps_are_printed() {
    let folder = Folder::new();
    let project = folder.path("guard");
    let ended = folder.run(&["new", "my-guard", "--kind", "auth", "--dir", &project]);
    ended.went_well();
    for words in [
        &*format!("cd {project}"),
        "cargo test",
        "tollgate dev .",
        "curl -i http://127.0.0.1:10000/",
    ] {
        assert!(
            ended.out.contains(words),
            "{words} is missing in {}",
            ended.out
        );
    }
    let read = |name: &str| fs::read_to_string(Path::new(&project).join(name)).expect(name);
    assert!(read("Cargo.toml").contains("name = \"my-guard\""));
    assert!(read("Cargo.lock").contains("name = \"serde\""));
    assert!(read("envoy.yaml").contains("wasm/my_guard.wasm"));
    for file in [
        "README.md",
        "Cargo.toml",
        "envoy.yaml",
        "src/lib.rs",
        "src/tests.rs",
    ] {
        assert!(!read(file).contains("{{"), "{file} has a hole");
    }
}

#[test]
fn what_is_there_is_left_as_it_is() {
    let folder = Folder::new();
    let file = folder.write("guard", "mine");
    let ended = folder.run(&["new", "guard", "--kind", "auth", "--dir", &file]);
    ended.refused(&[&[&file, "is there already", "--dir"]]);
    assert_eq!(fs::read_to_string(&file).ok().as_deref(), Some("mine"));
}

#[test]
fn a_name_that_cargo_refuses_is_refused_before_anything_is_written() {
    let folder = Folder::new();
    let project = folder.path("project");
    for (name, rule) in [
        ("1st", "begin with a letter"),
        ("a/b", "has `/`"),
        ("match", "a word of Rust"),
        ("tollgate", "a dependency"),
    ] {
        let ended = folder.run(&["new", name, "--kind", "body", "--dir", &project]);
        ended.refused(&[&[name, rule]]);
    }
    assert!(!Path::new(&project).exists());
}

#[test]
fn a_folder_without_sdk_is_named() {
    let folder = Folder::new();
    let (project, empty) = (folder.path("project"), folder.path("."));
    let ended = folder.run(&[
        "new", "a", "--kind", "auth", "--dir", &project, "--sdk", &empty,
    ]);
    ended.refused(&[&[&empty, "no Tollgate SDK"]]);
    assert!(!Path::new(&project).exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = Folder::new();
    let file = folder.write("file", "");
    let below = format!("{file}/project");
    let ended = folder.run(&["new", "a", "--kind", "auth", "--dir", &below]);
    ended.refused(&[&[&file]]);
}

/// A new project's own tests pass; its module is built by the scenarios of the same projects.
fn passes_its_tests(kind: &str) {
    let project = Project::create(kind, &format!("tested-{kind}"));
    // As Cargo.lock came with it: what it names is there, since this test was built with it.
    project.cargo(&["test", "--quiet", "--offline"]);
}

#[test]
fn an_auth_project_passes_its_tests() {
    passes_its_tests("auth");
}

#[test]
fn a_rate_limit_project_passes_its_tests() {
    passes_its_tests("rate-limit");
}

#[test]
fn a_body_project_passes_its_tests() {
    passes_its_tests("body");
}

#[test]
fn a_tcp_project_passes_its_tests() {
    passes_its_tests("tcp");
}

#[test]
fn a_grpc_project_passes_its_tests() {
    passes_its_tests("grpc");
}
