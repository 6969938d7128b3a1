//! Routes that a guest changes, and routes that change a guest's part.

use crate::support::{MAIN, STREAMS};

#[test]
fn a_changed_path_chooses_the_route_anew() {
    let (response, received, log) = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/headers/reroute")
            .header("x-reroute-to", "/route-a/x");
        let response = request.send();
        (
            response,
            proxy.origin().only_request().path,
            proxy.guest_log("main", "route now"),
        )
    });
    // The choice is made when it is needed; until then the property tells the old one.
    assert_eq!(log, ["info route now: everything-else"]);
    assert_eq!(received, "/route-a/x");
    assert_eq!(response.header("x-route"), Some("a"));
}

#[test]
fn a_guest_sends_a_request_to_a_route_that_answers_itself() {
    let (response, asked) = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/headers/reroute")
            .header("x-reroute-to", "/route-b");
        let response = request.send();
        (response, proxy.origin().received().len())
    });
    assert_eq!(
        (response.status, response.text().as_str(), asked),
        (203, "route b\n", 0)
    );
}

#[test]
fn another_header_may_change_the_route_too() {
    let version = STREAMS.compare(|proxy| {
        let request = proxy.get(MAIN, "/plain").header("x-upstream", "http2");
        assert_eq!(request.send().status, 200);
        proxy.origin().only_request().version
    });
    assert_eq!(version, "HTTP/2.0");
}

#[test]
fn a_route_may_disable_a_plugin() {
    let (response, asked) = STREAMS.compare(|proxy| {
        let response = proxy.get(MAIN, "/local-response/empty/but-disabled").send();
        (response, proxy.origin().received().len())
    });
    assert_eq!((response.status, asked), (200, 1));
}
