//! A new version that fails makes room for the one before.

use tollgate_integration_tests::client::Request;
use tollgate_integration_tests::free_port;

use super::{Run, listens, versioned};
use crate::guests::{CRASH, Guest};

/// A module that starts, and crashes at its first request.
fn crashing() -> Vec<u8> {
    Guest::new().request_headers(CRASH).bytes()
}

/// Sends requests until generation 1 serves again.
#[track_caller]
fn wait_for_return(run: &Run) {
    run.wait_until("return to generation 1", || {
        let _answer = Request::new(run.port, "GET", "/fixed").send();
        run.stat("tollgate.generation") == 1
    });
}

#[test]
fn a_version_that_fails_is_taken_back() {
    let run = Run::start(1);
    run.write_module(crashing());
    run.reload_well();
    wait_for_return(&run);
    assert_eq!(run.version(), "1");
    assert_eq!(run.stat("tollgate.reload.taken_back"), 1);
    let told = Request::new(run.admin, "GET", "/tollgate/generations").send();
    assert!(told.text().contains("was taken back"), "{}", told.text());
    run.wait_until("end of the failed generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
    run.write_module(versioned("2"));
    run.reload_well();
    assert_eq!(run.version(), "2");
}

#[test]
fn what_is_taken_back_has_its_listeners_again() {
    let run = Run::start(1);
    let second = free_port();
    let with_second = run.configuration().listener("second", second);
    run.write_configuration(&with_second);
    run.reload_well();
    run.wait_until("end of the first generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
    run.write_configuration(&run.configuration());
    run.write_module(crashing());
    run.reload_well();
    run.wait_until("end of the second listener", || !listens(second));
    run.wait_until("return to generation 2", || {
        let _answer = Request::new(run.port, "GET", "/fixed").send();
        run.stat("tollgate.generation") == 2
    });
    assert_eq!(run.version(), "1");
    assert_eq!(Request::new(second, "GET", "/fixed").send().status, 200);
}

#[test]
fn a_version_that_holds_is_kept() {
    let run = Run::start(1);
    run.write_module(versioned("2"));
    run.reload_well();
    assert_eq!(run.stat("tollgate.generations_alive"), 2);
    run.wait_until("end of the old generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
    assert_eq!(run.version(), "2");
}
