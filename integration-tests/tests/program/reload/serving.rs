//! What a reload changes for those who are served.

use tollgate_integration_tests::client::{Body, Connection, Gate, Request, Version};
use tollgate_integration_tests::free_port;
use tollgate_integration_tests::origin::{Answer, Origin};

use super::mirror::Mirror;
use super::{Run, answered_by, listens, versioned};

#[test]
fn the_next_request_of_a_connection_sees_the_new_version() {
    let run = Run::start(1);
    let connection = run.connect();
    let get = || Request::new(run.port, "GET", "/fixed");
    assert_eq!(answered_by(&connection.send(get())), "1");
    run.write_module(versioned("2"));
    let said = run.reload_well();
    assert_eq!(said["generation"], 2);
    assert_eq!(said["plugins"]["changed"][0], "guest");
    assert_eq!(
        said["listeners"]["changed"].as_array().map(Vec::len),
        Some(0)
    );
    assert_eq!(answered_by(&connection.send(get())), "2");
    assert_eq!(run.version(), "2");
}

#[test]
fn a_stream_keeps_its_version_to_its_end() {
    let origin = Origin::start();
    let gate = Gate::closed();
    origin.answer("/echo", Answer::echo());
    let run = Run::start(origin.http1_port());
    let body = Body::chunks().chunk("begun").wait(&gate).chunk("ended");
    let request = Request::new(run.port, "POST", "/echo").stream(body);
    let pending = request.start();
    run.wait_until("stream", || {
        run.stat("tollgate.generation.1.streams_active") == 1
    });
    run.write_module(versioned("2"));
    run.reload_well();
    assert_eq!(run.version(), "2");
    assert_eq!(run.stat("tollgate.generations_alive"), 2);
    gate.open();
    assert_eq!(answered_by(&pending.finish()), "1");
    run.wait_until("end of the old generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
}

#[test]
fn a_stream_that_outlives_the_time_to_drain_is_answered() {
    let upstream = Mirror::start();
    let run = Run::start(upstream.port);
    let held = run.hold_stream(&upstream);
    let settings = "reload: { drain_timeout: 100ms, rollback: { window: 1s } }\n";
    run.folder.write("tollgate.yaml", settings);
    run.write_module(versioned("2"));
    run.reload_well();
    let answer = held.wait_for_answer();
    assert_eq!((answer.status, answer.complete), (503, true), "{answer:?}");
    assert_eq!(answered_by(&answer), "1");
    run.wait_until("end of the old generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
}

#[test]
fn a_signal_reloads() {
    let mut run = Run::start(1);
    run.write_module(versioned("2"));
    run.hang_up();
    run.wait_for_version("2");
}

#[test]
fn what_is_the_same_is_not_reloaded() {
    let run = Run::start(1);
    let said = run.reload_well();
    assert_eq!(
        (&said["generation"], &said["changed"]),
        (&1.into(), &false.into())
    );
}

#[test]
fn listeners_come_stay_and_go() {
    let run = Run::start(1);
    let kept = run.connect();
    let (second, third) = (free_port(), free_port());
    assert_eq!(
        kept.send(Request::new(run.port, "GET", "/fixed")).status,
        200
    );
    run.write_configuration(&run.configuration().listener("second", second));
    let said = run.reload_well();
    assert_eq!(said["listeners"]["added"][0], "second");
    assert_eq!(Request::new(second, "GET", "/fixed").send().status, 200);
    run.write_configuration(&run.configuration().listener("third", third));
    let said = run.reload_well();
    assert_eq!(said["listeners"]["added"][0], "third");
    assert_eq!(said["listeners"]["removed"][0], "second");
    assert_eq!(Request::new(third, "GET", "/fixed").send().status, 200);
    run.wait_until("end of the second listener", || !listens(second));
    assert_eq!(
        kept.send(Request::new(run.port, "GET", "/fixed")).status,
        200
    );
    let listed = Request::new(run.admin, "GET", "/listeners").send().text();
    assert!(
        listed.contains("third::") && !listed.contains("second::"),
        "{listed}"
    );
}

#[test]
fn a_connection_of_a_listener_that_is_gone_is_answered_once_more_and_closed() {
    let run = Run::start(1);
    let second = free_port();
    run.write_configuration(&run.configuration().listener("second", second));
    run.reload_well();
    let connection = Connection::open(second, Version::Http1);
    let get = || Request::new(second, "GET", "/fixed");
    assert_eq!(connection.send(get()).header("connection"), None);
    run.write_configuration(&run.configuration());
    run.reload_well();
    let last = connection.send(get());
    assert_eq!(
        (last.status, last.header("connection")),
        (200, Some("close"))
    );
}

#[test]
fn the_server_is_ready_and_tells_what_it_serves() {
    let run = Run::start(1);
    run.write_configuration(
        &run.configuration()
            .plugin(&run.folder.path("filter.wasm"), "new"),
    );
    run.reload_well();
    let get = |path: &str| Request::new(run.admin, "GET", path).send();
    assert_eq!(get("/ready").text(), "LIVE\n");
    assert!(get("/config_dump").text().contains("\"new\""));
    let told = get("/tollgate/generations").text();
    assert!(
        told.contains("\"SERVING\"") && told.contains("\"admin\""),
        "{told}"
    );
}
