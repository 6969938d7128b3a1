//! Every property path that Envoy documents, in every phase of a stream, on both proxies.
#![expect(
    clippy::expect_used,
    reason = "what cannot be read fails the test, and the message says what it was"
)]

mod guest;
mod normal;

use tollgate_conformance::{Host, Plugin, Setup};
use tollgate_integration_tests::chosen_proxies;
use tollgate_integration_tests::origin::Answer;

const CONFIGURATION: &str = include_str!("proxy.yaml");

/// What a plugin reads before TLS to the upstream (`outer`), and after mutual TLS from the client
/// (`inner`), and what their access loggers read.
const PLUGINS: [&str; 4] = ["outer", "inner", "outer-log", "inner-log"];

#[test]
fn every_property_is_the_same_on_both_proxies() {
    let seen: Vec<_> = chosen_proxies()
        .into_iter()
        .map(|kind| (kind, sweep(&Host::new(kind))))
        .collect();
    let Some(((_, expected), others)) = seen.split_first() else {
        return;
    };
    for (kind, observed) in others {
        let differences: Vec<_> = differences(expected, observed);
        assert!(
            differences.is_empty(),
            "{kind:?} differs:\n{}",
            differences.join("\n")
        );
    }
    let found = expected.iter().filter(|line| line.contains("=0 ")).count();
    assert!(found > 500, "only {found} values were read");
}

fn sweep(host: &Host) -> Vec<String> {
    let module = guest::module();
    let plugin = |name: &str| {
        Plugin::wat(&module)
            .name(&format!("{name}-plugin"))
            .root_id(name)
            .vm_id(name)
    };
    let setup = Setup::yaml(CONFIGURATION, PLUGINS.map(plugin));
    let proxy = host.serve(&setup);
    let answer = Answer::text("an answer").header("x-origin", "here");
    proxy.origin().answer("/sweep?a=1&b=2", answer);
    let request = proxy
        .post("/sweep?a=1&b=2")
        .header("x-mixed", "one")
        .header("x-mixed", "two")
        .header("user-agent", "sweeper")
        .header("referer", "http://here.test/");
    assert_eq!(request.body("12345").send().status, 200);
    let mut all = Vec::new();
    for name in PLUGINS {
        let read = proxy.guest_log(name, guest::LAST);
        assert!(!read.is_empty(), "{name}");
        let reports = proxy.reports_of(name);
        all.extend(normal::normalised(name, &reports));
    }
    all
}

fn differences(expected: &[String], observed: &[String]) -> Vec<String> {
    let lacks = |list: &[String], line: &String| !list.contains(line);
    let missing = expected.iter().filter(|line| lacks(observed, line));
    let new = observed.iter().filter(|line| lacks(expected, line));
    let mut lines: Vec<_> = missing
        .map(|line| format!("- {line}"))
        .chain(new.map(|line| format!("+ {line}")))
        .collect();
    lines.sort_by(|left, right| left.get(2..).cmp(&right.get(2..)));
    lines
}
