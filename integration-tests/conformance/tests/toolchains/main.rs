//! Habits of compilers and SDKs, each as the smallest guest that has it: what a guest of theirs
//! takes for granted must be so on both hosts.
#![expect(clippy::panic, reason = "what cannot be shown fails the test")]

mod assemblyscript;
mod emscripten;
mod features;
mod tinygo;

use std::fmt::Debug;

use tollgate_conformance::{Host, Plugin, Running, Setup};

fn setup(guest: &str) -> Setup {
    Setup::http(Plugin::wat(guest).root_id("root"))
}

/// Serves a guest on both hosts and returns what both show.
#[track_caller]
fn compare<T: Debug + PartialEq>(guest: &str, observe: impl Fn(&Running) -> T) -> T {
    same(|host| observe(&host.serve(&setup(guest))))
}

/// Asks both hosts for a guest that they should not load; returns the words of `named` that both
/// complain with.
#[track_caller]
fn refused(guest: &str, named: &[&str]) -> String {
    same(|host| host.reaction(&setup(guest), named))
}

#[track_caller]
fn same<T: Debug + PartialEq>(observe: impl Fn(&Host) -> T) -> T {
    let observed: Vec<_> = Host::all()
        .iter()
        .map(|host| (host.kind(), observe(host)))
        .collect();
    let mut observed = observed.into_iter();
    let (_, first) = observed
        .next()
        .unwrap_or_else(|| panic!("no host is chosen"));
    for (kind, other) in observed {
        assert!(other == first, "Envoy: {first:?}\n{kind:?}: {other:?}");
    }
    first
}

/// Status of a request, and what the guest logged in its stream.
fn ask(running: &Running, path: &str) -> (u16, Vec<String>) {
    let before = running.log().len();
    let status = running.get(path).header("x-empty", "").send().status;
    let log = running.log().split_off(before);
    (status, log)
}

/// A module with a marker, memory and an allocator, and what is added.
fn module(added: &str) -> String {
    format!(
        r#"(module {added}
            (memory (export "memory") 1)
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 0x4000)))"#
    )
}
