//! Addresses that cannot be had.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tollgate_integration_tests::free_port;

use crate::support::{Configuration, Folder, LIMIT};

const WAY_OUT: &str = "configure another port";

/// A port that is in use for as long as what is returned lives.
fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// Sends requests to a port until told to end; returns whether any was answered.
fn is_answered(port: u16, over: &AtomicBool) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        stream
            .write_all(b"GET /fixed HTTP/1.1\r\nhost: test\r\n\r\n")
            .ok()?;
        let read = stream.read(&mut [0; 16]).ok()?;
        (read > 0).then_some(())
    };
    let deadline = Instant::now() + LIMIT;
    while !over.load(Ordering::Relaxed) && Instant::now() < deadline {
        if ask().is_some() {
            return true;
        }
        thread::yield_now();
    }
    false
}

#[test]
fn a_port_in_use_is_named_and_no_other_listener_answers() {
    let folder = Folder::new();
    let (_taken, port) = taken();
    let first = free_port();
    let text = Configuration::new(first, 1).listener("second", port).text();
    let file = folder.write("envoy.yaml", text);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let client = scope.spawn(|| is_answered(first, &over));
        let ended = folder.run(&["run", &file]);
        over.store(true, Ordering::Relaxed);
        ended.refused(&[&[
            "listener `second`",
            &format!("127.0.0.1:{port}"),
            "in use",
            WAY_OUT,
        ]]);
        assert!(!client.join().expect("the client does not panic"));
    });
    assert!(TcpStream::connect(("127.0.0.1", first)).is_err());
}

#[test]
fn a_port_in_use_by_another_tollgate_is_named() {
    let folder = Folder::new();
    let port = free_port();
    let file = folder.write("envoy.yaml", Configuration::new(port, 1).text());
    let _running = folder.start(&["run", &file], "serving");
    folder
        .run(&["run", &file])
        .refused(&[&[&format!("127.0.0.1:{port}"), "in use", WAY_OUT]]);
}

#[test]
fn the_port_of_the_admin_interface_in_use_is_named() {
    let folder = Folder::new();
    let (_taken, port) = taken();
    let listener = free_port();
    let text = Configuration::new(listener, 1).admin(port).text();
    let file = folder.write("envoy.yaml", text);
    let address = format!("127.0.0.1:{port}");
    folder
        .run(&["run", &file])
        .refused(&[&["admin", &address, "in use", WAY_OUT]]);
    let file = folder.write("envoy.yaml", Configuration::new(listener, 1).text());
    let ended = folder.run(&["run", &file, "--admin-address", &address]);
    ended.refused(&[&["admin", &address, "in use", WAY_OUT]]);
    assert!(TcpStream::connect(("127.0.0.1", listener)).is_err());
}

#[test]
fn two_files_that_want_one_address_are_both_named() {
    let folder = Folder::new();
    let port = free_port();
    let text = Configuration::new(port, 1).text();
    let first = folder.write("first.yaml", &text);
    let second = folder.write("second.yaml", text);
    let words = [
        &*first,
        &second,
        "listener `ingress`",
        &port.to_string(),
        "another port",
    ];
    folder.run(&["run", &first, &second]).refused(&[&words]);
}

#[test]
fn two_admin_interfaces_on_one_address_are_named_unless_a_flag_replaces_them() {
    let folder = Folder::new();
    let admin = free_port();
    let write = |name| folder.write(name, Configuration::new(free_port(), 1).admin(admin).text());
    let (first, second) = (write("first.yaml"), write("second.yaml"));
    let words = [&*first, &second, "admin", &admin.to_string()];
    folder.run(&["run", &first, &second]).refused(&[&words]);
    let address = format!("127.0.0.1:{}", free_port());
    let files = ["run", &first, &second, "--admin-address", &address];
    let _running = folder.start(&files, "serving");
}

#[test]
fn two_listeners_of_one_file_on_one_address_are_named() {
    let folder = Folder::new();
    let port = free_port();
    let text = Configuration::new(port, 1).listener("second", port).text();
    let file = folder.write("envoy.yaml", text);
    for command in ["run", "validate"] {
        let words = [&*file, "second", &format!("127.0.0.1:{port}")];
        folder.run(&[command, &file]).refused(&[&words]);
    }
}

#[test]
fn an_address_of_another_machine_is_named() {
    let folder = Folder::new();
    let text = Configuration::new(free_port(), 1).text();
    let text = text.replacen("address: 127.0.0.1", "address: 192.0.2.1", 1);
    let file = folder.write("envoy.yaml", text);
    let words = [
        "listener `ingress`",
        "192.0.2.1",
        "an address that this machine has",
    ];
    folder.run(&["run", &file]).refused(&[&words]);
}
