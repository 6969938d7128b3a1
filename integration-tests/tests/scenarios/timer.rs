//! Timers of root contexts.

use tollgate_integration_tests::Proxy;

use crate::support::PLUGINS;

const WAITING_ROOM: u16 = 10_021;

/// Lines of the first root context that ticks; Envoy has one more on its main thread.
fn distinct(proxy: &Proxy) -> Vec<String> {
    let mut lines: Vec<_> = proxy
        .output()
        .iter()
        .filter_map(|line| {
            line.split_once("wasm log tick tick: ")
                .map(|(_, text)| text.to_owned())
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn a_timer_ticks_calls_out_and_stops() {
    let lines = PLUGINS.compare(|proxy| {
        let answered = |line: &&String| line.starts_with("the root was answered");
        while distinct(proxy).iter().find(answered).is_none()
            || !distinct(proxy).contains(&"stopped".to_owned())
        {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        distinct(proxy)
    });
    assert_eq!(
        lines,
        [
            "stopped",
            "the root was answered: hello from the origin",
            "tick 1, asks: true",
            "tick 2, asks: true",
            "tick 3, asks: true",
        ]
    );
}

#[test]
fn a_tick_lets_waiting_requests_go_on() {
    let received = PLUGINS.compare(|proxy| {
        let response = proxy.post(WAITING_ROOM, "/wait").body("with a body").send();
        assert_eq!(response.status, 200);
        let received = proxy.origin().received();
        let request = received.into_iter().find(|request| request.path == "/wait");
        request.expect("the request went on")
    });
    assert_eq!(received.header("x-waited"), Some("for the tick"));
    assert_eq!(received.text(), "with a body");
}
