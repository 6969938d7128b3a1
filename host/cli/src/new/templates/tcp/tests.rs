//! Each test runs natively; `cargo test --features wasm` runs it on the built module too.

use tollgate_testing::{LogLevel, TestHost};

use super::Gate;

fn hosts(config: &str) -> impl Iterator<Item = TestHost> {
    let hosts = [
        TestHost::native_tcp::<Gate>(config),
        #[cfg(feature = "wasm")]
        TestHost::wasm(env!("CARGO_PKG_NAME"), config),
    ];
    hosts.into_iter()
}

#[test]
fn the_password_opens_the_connection_and_does_not_pass() {
    for t in hosts(r#"{"password": "sesame"}"#) {
        let connection = t.connect();
        connection.client_sends("ses");
        assert!(connection.is_held());
        connection.client_sends("ame\nhello");
        connection.client_sends(" there");
        assert_eq!(connection.to_upstream(), b"hello there");
        connection.upstream_sends("hi");
        assert_eq!(connection.to_client(), b"hi");
        connection.client_closes();
        t.assert_logged(LogLevel::Info, "11 bytes received, 2 sent");
        assert_eq!(t.metric("gate_connections{result=accepted}"), 1);
        t.assert_nothing_leaked();
    }
}

#[test]
fn whoever_does_not_know_it_is_turned_away() {
    for t in hosts(r#"{"password": "sesame"}"#) {
        for wrong in ["simsalabim\n", "a line without an end"] {
            let connection = t.connect();
            connection.client_sends(wrong);
            assert!(connection.end().is_some(), "{wrong:?} is let in");
            assert_eq!(connection.to_upstream(), b"");
        }
        assert_eq!(t.metric("gate_connections{result=refused}"), 2);
    }
}

#[test]
fn a_bad_configuration_is_refused_with_its_path() {
    for t in hosts(r#"{"password": ""}"#) {
        let reason = t.start().unwrap_err().to_string();
        assert!(reason.ends_with("password: must not be empty"), "{reason}");
    }
}
