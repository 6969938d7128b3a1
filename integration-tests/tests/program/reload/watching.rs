//! Files that change: edited, renamed, swapped by a link, half written.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;

use super::{Run, versioned};
use crate::support::Folder;

#[test]
fn a_module_that_is_written_is_served() {
    let run = Run::start_with(1, &[]);
    run.write_module(versioned("2"));
    run.wait_for_version("2");
}

#[test]
fn a_module_that_is_renamed_into_place_is_served() {
    let run = Run::start_with(1, &[]);
    let new = run.folder.write("new", versioned("2"));
    fs::rename(new, run.folder.path("filter.wasm")).expect("the folder takes files");
    run.wait_for_version("2");
}

#[test]
fn a_configuration_that_is_written_is_served_and_its_new_module_is_watched() {
    let run = Run::start_with(1, &[]);
    let other = Folder::new();
    let module = other.write("other.wasm", versioned("2"));
    run.write_configuration(&run.configuration().plugin(&module, ""));
    run.wait_for_version("2");
    other.write("other.wasm", versioned("3"));
    run.wait_for_version("3");
}

#[test]
fn a_config_map_is_swapped_by_its_link() {
    let folder = Folder::new();
    for version in ["1", "2"] {
        fs::create_dir(folder.path(version)).expect("the folder takes folders");
        let module = format!("{version}/filter.wasm");
        folder.write(&module, versioned(version));
    }
    symlink("1", folder.path("..data")).expect("the folder takes links");
    symlink("..data/filter.wasm", folder.path("filter.wasm")).expect("the folder takes links");
    let run = Run::start_with(1, &[]);
    run.write_configuration(
        &run.configuration()
            .plugin(&folder.path("filter.wasm"), "map"),
    );
    run.wait_until("the module of the map", || {
        run.stat("tollgate.generation") == 2
    });
    assert_eq!(run.version(), "1");
    symlink("2", folder.path("..data_tmp")).expect("the folder takes links");
    fs::rename(folder.path("..data_tmp"), folder.path("..data")).expect("links can be renamed");
    run.wait_for_version("2");
}

#[test]
fn a_module_that_is_half_written_is_waited_for() {
    let run = Run::start_with(1, &[]);
    let bytes = versioned("2");
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let mut file = File::create(run.folder.path("filter.wasm")).expect("the folder takes files");
    file.write_all(first).expect("the file can be written");
    // Long enough for a watcher that does not wait.
    run.process
        .wait_for_silence(std::time::Duration::from_millis(700));
    file.write_all(rest).expect("the file can be written");
    run.wait_for_version("2");
    assert_eq!(run.stat("tollgate.reload.failure"), 0);
}

#[test]
fn what_is_touched_only_is_not_reloaded() {
    let run = Run::start_with(1, &[]);
    run.write_module(versioned("1"));
    run.wait_until("look", || run.stat("tollgate.reload.unchanged") == 1);
    assert_eq!(run.stat("tollgate.generation"), 1);
}

#[test]
fn nothing_is_watched_when_told_so() {
    let mut run = Run::start_with(1, &["--no-watch"]);
    run.write_module(versioned("2"));
    run.process
        .wait_for_silence(std::time::Duration::from_millis(700));
    assert_eq!(run.version(), "1");
    run.hang_up();
    run.wait_for_version("2");
}
