//! `tollgate dev`.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tollgate_integration_tests::client::{Request, Response};
use tollgate_integration_tests::{
    Ports, Project, Supervised, fill_template, free_port, kill_signal, tollgate_program,
};

use crate::support::{Folder, LIMIT};

/// The first build compiles the SDK as well.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// A project of the kind `auth` and the program that serves it.
struct Session {
    project: Project,
    process: Supervised,
    port: u16,
    /// How many lines have been looked at.
    seen: Cell<usize>,
    _scratch: TempDir,
}

impl Session {
    fn start(name: &str) -> Self {
        let project = Project::create("auth", name);
        let folder = project.folder().to_path_buf();
        let config = format!("[build]\ntarget-dir = {:?}\n", Project::target_dir());
        fs::create_dir(folder.join(".cargo")).expect("a project has no .cargo");
        fs::write(folder.join(".cargo/config.toml"), config).expect("a project takes files");
        let envoy = folder.join("envoy.yaml");
        let shipped = fs::read_to_string(&envoy).expect("a project has an envoy.yaml");
        let (filled, ports) = fill_template(&shipped, &Ports::new());
        fs::write(&envoy, filled).expect("a project takes files");
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let arguments = ["dev", &folder.display().to_string()];
        let process = Supervised::start(
            tollgate_program(),
            &arguments,
            scratch.path(),
            scratch.path(),
        );
        Self {
            project,
            process,
            port: *ports.get(&10_000).expect("the listener's port"),
            seen: Cell::new(0),
            _scratch: scratch,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.project.folder().join(name)
    }

    /// Replaces a text in a file.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let file = self.file(name);
        let text = fs::read_to_string(&file).expect("a file of the project");
        assert!(text.contains(from), "{from} is missing in {name}");
        fs::write(file, text.replace(from, to)).expect("a project takes files");
    }

    /// Waits for a line after the one that was waited for last.
    #[track_caller]
    fn wait_for(&self, words: &str) {
        // What goes wrong ends the wait: nothing more will come then.
        let fails = |line: &str| line.contains("cannot be served") || line.contains("build failed");
        let seen = self.seen.get();
        let is_last = |line: &str| line.contains(words) || fails(line);
        self.process.wait_for_line(seen, BUILD_LIMIT, is_last);
        let lines = self.process.lines_from(seen);
        let found = lines.iter().position(|line| line.contains(words));
        assert!(
            found.is_some(),
            "no {words:?} in\n{}",
            self.process.lines().join("\n")
        );
        self.seen.set(seen + found.unwrap_or_default() + 1);
    }

    /// Whether a line has been printed, at any time; the other stream may be read a moment later.
    fn has_said(&self, words: &str) -> bool {
        self.process
            .wait_for_line(0, LIMIT, |line| line.contains(words))
    }

    fn ask(&self, key: &str) -> Response {
        Request::new(self.port, "GET", "/")
            .header("x-api-key", key)
            .send()
    }
}

#[test]
fn what_is_saved_is_served_and_what_cannot_be_built_is_not() {
    let mut session = Session::start("dev-saved");
    session.wait_for("generation 1 serves: ");
    assert_eq!(session.ask("wrong").text(), "a valid API key is required\n");
    let accepted = session.ask("demo-key");
    assert!(
        accepted.text().contains("x-consumer: demo"),
        "{}",
        accepted.text()
    );

    session.edit(
        "src/lib.rs",
        "a valid API key is required",
        "no key, no answer",
    );
    session.wait_for("changed: src/lib.rs");
    session.wait_for("generation 2 serves: ");
    assert_eq!(session.ask("wrong").text(), "no key, no answer\n");

    session.edit(
        "src/lib.rs",
        "plugins! { ApiKey }",
        "plugins! { NoSuchFilter }",
    );
    session.wait_for("the build failed; generation 2 still serves");
    assert!(session.has_said("NoSuchFilter"), "the compiler's error");
    assert_eq!(session.ask("wrong").text(), "no key, no answer\n");
    session.edit("src/lib.rs", "NoSuchFilter", "ApiKey");
    session.wait_for("nothing is different; generation 2 still serves");

    kill_signal(session.process.pid(), "INT");
    let status = session.process.wait(LIMIT).expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_configuration_is_served_when_saved_and_a_broken_one_is_not() {
    let session = Session::start("dev-configured");
    session.wait_for("generation 1 serves: ");
    session.edit("envoy.yaml", "demo-key", "other-key");
    session.wait_for("changed: envoy.yaml");
    session.wait_for("generation 2 serves: ");
    assert_eq!(
        (
            session.ask("demo-key").status,
            session.ask("other-key").status
        ),
        (401, 200)
    );

    session.edit("envoy.yaml", "static_resources:", "static_resource:");
    session.wait_for("the new version cannot be served; generation 2 still serves");
    assert!(session.has_said("did you mean `static_resources`?"));
    session.edit("envoy.yaml", "static_resource:", "static_resources:");
    session.wait_for("nothing is different");
    // The plugin refuses what the schema takes.
    session.edit("envoy.yaml", "other-key", "");
    session.wait_for("the new version cannot be served; generation 2 still serves");
    assert!(session.has_said("keys[0].key: must not be empty"));
    assert_eq!(session.ask("other-key").status, 200);
}

#[test]
fn a_signal_ends_it_while_it_builds() {
    let mut session = Session::start("dev-ended");
    session.wait_for("dev-ended: building");
    kill_signal(session.process.pid(), "TERM");
    let status = session.process.wait(LIMIT).expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_folder_without_a_filters_crate_is_refused() {
    let folder = Folder::new();
    let empty = folder.path(".");
    folder
        .run(&["dev", &empty])
        .refused(&[&[&empty, "no Cargo.toml"]]);
    let manifest = "[package]\nname = \"plain\"\nedition = \"2024\"\n[workspace]\n";
    folder.write("Cargo.toml", manifest);
    fs::create_dir(Path::new(&empty).join("src")).expect("the temporary folder takes folders");
    folder.write("src/lib.rs", "");
    folder
        .run(&["dev", &empty])
        .refused(&[&["`plain` makes no module", "cdylib"]]);
    folder.write("Cargo.toml", "[workspace\n");
    folder.run(&["dev", &empty]).refused(&[&["Cargo.toml"]]);
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let port = free_port().to_string();
    let project = Project::create("auth", "dev-unconfigured");
    let folder = project.folder().display().to_string();
    let ended = Folder::new().run(&["dev", &folder, "--config", "no-such.yaml", "--port", &port]);
    ended.refused(&[&["no-such.yaml"]]);
}
