//! Guests written with the Tollgate SDK.

use std::time::Duration;

use tollgate_integration_tests::SharedPair;
use tollgate_integration_tests::client::Body;
use tollgate_integration_tests::origin::Answer;

static SDK: SharedPair = SharedPair::new("conformance/sdk.yaml");
static WARMING: SharedPair = SharedPair::new("conformance/run-only/warming.yaml");

const EDITING: u16 = 10_000;
const ASKING: u16 = 10_001;
const BODIES: u16 = 10_002;
const COUNTING: u16 = 10_003;
const CRASHING: u16 = 10_004;
const TRAILING: u16 = 10_005;
const FIRST: u16 = 10_000;

#[test]
fn an_exchange_reads_and_changes_headers_in_both_directions() {
    let (response, received, log) = SDK.compare(|proxy| {
        let request = proxy
            .get(EDITING, "/edit?q=1")
            .header("x-in-a", "1")
            .header("x-in-b", "2");
        let response = request.header("x-secret", "yes").send();
        (
            response,
            proxy.origin().only_request(),
            proxy.guest_log("editing", "ended with"),
        )
    });
    assert_eq!(received.header("x-count"), Some("2"));
    assert_eq!(received.headers.all("x-in-a"), ["1", "added"]);
    assert_eq!(received.header("x-secret"), None);
    assert_eq!(received.header("x-known"), Some("Some(127.0.0.1) false"));
    assert_eq!(response.header("x-status-was"), Some("200"));
    assert_eq!(response.header("x-path-was"), Some("/edit?q=1"));
    let line = "info /edit?q=1 ended with Some(200) Some(\"via_upstream\")";
    assert_eq!(log, [line]);
}

#[test]
fn a_reject_is_a_local_response_with_details() {
    let (response, asked, log) = SDK.compare(|proxy| {
        let response = proxy
            .get(EDITING, "/refused")
            .header("x-refuse", "451")
            .send();
        let log = proxy.guest_log("editing", "ended with");
        (response, proxy.origin().received().len(), log)
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (451, "refused as asked\n")
    );
    assert_eq!(response.header("x-why"), Some("as asked"));
    assert_eq!(response.header("x-path-was"), Some("/refused"));
    assert_eq!(asked, 0);
    let line = "info /refused ended with Some(451) Some(\"refused_as_asked\")";
    assert_eq!(log, [line]);
}

#[test]
fn a_reject_of_a_grpc_call_has_its_grpc_status() {
    let response = SDK.compare(|proxy| {
        let request = proxy
            .post(EDITING, "/pkg.Service/Method")
            .http2()
            .header("x-refuse", "400");
        request.grpc().send()
    });
    assert_eq!(
        (response.status, response.header("grpc-status")),
        (200, Some("9"))
    );
}

#[test]
fn callouts_are_awaited_one_after_the_other() {
    let (response, paths, request) = SDK.compare(|proxy| {
        proxy.origin().answer("/side", Answer::text("one"));
        proxy.origin().answer("/side-again", Answer::text("two"));
        proxy
            .origin()
            .answer("/side-response", Answer::text("three"));
        let response = proxy.post(ASKING, "/ask").body("held meanwhile").send();
        let received = proxy.origin().wait_for_requests(4);
        let paths: Vec<_> = received
            .iter()
            .map(|request| request.path.clone())
            .collect();
        (response, paths, received[2].clone())
    });
    assert_eq!(paths, ["/side", "/side-again", "/ask", "/side-response"]);
    assert_eq!(
        (request.header("x-first"), request.header("x-second")),
        (Some("one"), Some("two"))
    );
    assert_eq!(request.text(), "held meanwhile");
    assert_eq!(response.header("x-side-response"), Some("three"));
}

#[test]
fn a_callouts_refusal_becomes_a_reject() {
    let response = SDK.compare(|proxy| {
        proxy
            .origin()
            .answer("/side", Answer::text("not today").with_status(403));
        proxy.get(ASKING, "/ask").send()
    });
    assert_eq!(
        (response.status, response.text().as_str()),
        (403, "not today")
    );
}

#[test]
fn a_callout_that_takes_too_long_or_is_refused_has_a_status() {
    let texts = SDK.compare(|proxy| {
        let late = Answer::text("late").delay(Duration::from_secs(2));
        proxy.origin().answer("/side", late);
        let late = proxy.get(ASKING, "/ask").send();
        let refused = proxy
            .get(ASKING, "/ask")
            .header("x-cluster", "refused")
            .send();
        let refused_text = refused.text();
        let connect_error = refused_text.starts_with("upstream connect error");
        (late.status, late.text(), refused.status, connect_error)
    });
    assert_eq!(
        texts,
        (403, "upstream request timeout".to_owned(), 403, true)
    );
}

#[test]
fn a_callout_to_an_unknown_cluster_is_answered_503() {
    let status = SDK.compare(|proxy| {
        proxy
            .get(ASKING, "/ask")
            .header("x-cluster", "no-such-cluster")
            .send()
            .status
    });
    assert_eq!(status, 503);
}

#[test]
fn whole_bodies_are_rewritten() {
    let (response, received) = SDK.compare(|proxy| {
        proxy.origin().answer(
            "/body",
            Answer::stream(Body::chunks().chunk("abc").chunk("def")),
        );
        let body = Body::chunks().chunk("shout ").chunk("this");
        let response = proxy.post(BODIES, "/body").stream(body).send();
        (response, proxy.origin().only_request())
    });
    assert_eq!(received.text(), "SHOUT THIS");
    assert_eq!(response.text(), "fedcba backwards");
}

#[test]
fn a_body_beyond_the_filters_limit_is_answered_413() {
    let status = SDK.compare(|proxy| {
        proxy
            .post(BODIES, "/body")
            .body("a".repeat(2000))
            .send()
            .status
    });
    assert_eq!(status, 413);
}

#[test]
fn shared_data_and_metrics_count() {
    let (visits, metrics): (Vec<_>, _) = SDK.compare(|proxy| {
        (0..3).for_each(|_| assert_eq!(proxy.get(COUNTING, "/count-me").send().status, 200));
        let received = proxy.origin().received();
        let visits = received
            .iter()
            .map(|r| r.header("x-visit").unwrap_or_default().to_owned());
        let mut metrics = proxy.custom_metrics("lab_");
        // Envoy shows a histogram's values only some seconds later.
        let histogram = metrics.remove("lab_path_bytes");
        assert!(histogram.is_some(), "{metrics:#?}");
        (visits.collect(), metrics)
    });
    assert_eq!(visits, ["1", "2", "3"]);
    assert_eq!(metrics.get("lab_last_visit").map(String::as_str), Some("3"));
    assert!(metrics.values().any(|value| value == "3"), "{metrics:#?}");
}

#[test]
fn a_panic_is_logged_with_its_place() {
    let (status, log) = SDK.compare(|proxy| {
        let status = proxy
            .get(CRASHING, "/crash")
            .header("x-crash", "yes")
            .send()
            .status;
        (status, proxy.guest_log("crashing", "crashed as asked"))
    });
    assert_eq!(status, 503);
    assert!(
        log.iter().any(|line| line.contains("crashing.rs")),
        "{log:?}"
    );
}

#[test]
fn trailers_are_changed_in_both_directions() {
    let (response, received) = SDK.compare(|proxy| {
        let answer = Body::chunks()
            .chunk("a")
            .trailers(&[("x-internal", "1"), ("x-end", "1")]);
        proxy.origin().answer("/http2", Answer::stream(answer));
        let body = Body::chunks().chunk("q").trailers(&[("x-end", "1")]);
        let response = proxy.post(TRAILING, "/http2").http2().stream(body).send();
        (response, proxy.origin().only_request())
    });
    let sent = received.trailers.unwrap_or_default();
    assert_eq!(
        (sent.get("x-seen"), sent.get("x-end")),
        (Some("in the request"), Some("1"))
    );
    let got = response.trailers.unwrap_or_default();
    assert_eq!(
        (got.get("x-seen"), got.get("x-internal")),
        (Some("in the response"), None)
    );
}

#[test]
fn requests_wait_for_a_plugin_that_starts_by_a_callout() {
    let received = WARMING.compare(|proxy| {
        assert_eq!(proxy.get(FIRST, "/").send().status, 200);
        let received = proxy.origin().received();
        received
            .into_iter()
            .find(|request| request.path == "/")
            .expect("the request went on")
    });
    assert_eq!(received.header("x-greeting"), Some("hello from the origin"));
}
