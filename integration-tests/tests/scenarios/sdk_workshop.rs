//! What most filters of the Tollgate SDK have no use for: timers, gRPC, queues, TCP, services.

use std::collections::BTreeSet;
use std::time::Duration;

use tollgate_integration_tests::client::Body;
use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::origin::grpc::grpc_frame;
use tollgate_integration_tests::{GuestLine, Kind, Proxy, SharedPair, kill_signal};

pub(crate) static WORKSHOP: SharedPair = SharedPair::new("conformance/workshop.yaml");

const WAITING: u16 = 10_000;
const SHARING: u16 = 10_001;
const QUEUEING: u16 = 10_002;
const ASKING: u16 = 10_003;
const EDITING: u16 = 10_005;
const SURVEYING: u16 = 10_006;

/// What a guest answers to a request.
fn told(proxy: &Proxy, listener: u16, path: &str) -> String {
    let response = proxy.get(listener, path).send();
    assert_eq!(response.status, 200, "{}", response.text());
    response.text()
}

pub(crate) fn text(text: &'static str) -> Answer {
    Answer::text(text)
}

#[test]
fn a_handler_sleeps() {
    let received = WORKSHOP.compare(|proxy| {
        assert_eq!(
            proxy.post(WAITING, "/sleep").body("held").send().status,
            200
        );
        proxy.origin().only_request()
    });
    assert_eq!(received.header("x-slept"), Some("true"));
    assert_eq!(received.text(), "held");
}

#[test]
fn a_callout_that_takes_too_long_is_dropped() {
    let told = WORKSHOP.compare(|proxy| {
        let late = text("late").delay(Duration::from_secs(1));
        proxy.origin().answer("/side", late);
        told(proxy, WAITING, "/timeout")
    });
    assert_eq!(told, "the time is up");
}

#[test]
fn callouts_are_awaited_together() {
    let told = WORKSHOP.compare(|proxy| {
        let late = text("one ").delay(Duration::from_millis(100));
        proxy.origin().answer("/one", late);
        proxy.origin().answer("/two", text("two "));
        proxy.origin().answer("/three", text("three"));
        [
            told(proxy, WAITING, "/join"),
            told(proxy, WAITING, "/join-all"),
        ]
    });
    assert_eq!(told, ["one two ", "one two three"]);
}

#[test]
fn the_faster_callout_wins() {
    let told = WORKSHOP.compare(|proxy| {
        let late = text("late").delay(Duration::from_secs(1));
        proxy.origin().answer("/late", late);
        proxy.origin().answer("/soon", text("soon"));
        told(proxy, WAITING, "/select")
    });
    assert_eq!(told, "soon");
}

#[test]
fn several_timers_share_one_tick() {
    WORKSHOP.compare(|proxy| {
        let count = |name: &str| -> u64 {
            let metrics = proxy.custom_metrics(name);
            metrics
                .get(name)
                .map_or(0, |count| count.parse().expect("a count"))
        };
        let (beats, ticks) = (count("workshop_beats"), count("workshop_ticks"));
        while count("workshop_beats") < beats + 3 || count("workshop_ticks") < ticks + 3 {}
    });
}

#[test]
fn requests_share_one_fetch() {
    let (fetched, fetches) = WORKSHOP.compare(|proxy| {
        let slow = text("fetched").delay(Duration::from_millis(300));
        proxy.origin().answer("/side", slow);
        let pending: Vec<_> = (0..3).map(|_| proxy.get(SHARING, "/").start()).collect();
        for response in pending {
            assert_eq!(response.finish().status, 200);
        }
        let received = proxy.origin().received();
        let fetched: Vec<_> = received
            .iter()
            .filter_map(|request| request.header("x-fetched").map(str::to_owned))
            .collect();
        let fetches = received.iter().filter(|request| request.path == "/side");
        (fetched, fetches.count())
    });
    assert_eq!((fetched.len(), fetches), (3, 1));
    assert!(fetched.iter().all(|text| text == "fetched"), "{fetched:?}");
}

#[test]
fn a_task_outlives_its_request() {
    let (told, log) = WORKSHOP.compare(|proxy| {
        let slow = text("later").delay(Duration::from_millis(100));
        proxy.origin().answer("/side", slow);
        let told = told(proxy, SHARING, "/beside");
        (told, proxy.guest_log("sharing", "beside"))
    });
    assert_eq!(told, "begun");
    assert_eq!(log, ["info beside: true"]);
}

#[test]
fn items_of_a_queue_reach_the_root() {
    let (told, items) = WORKSHOP.compare(|proxy| {
        let told = told(proxy, QUEUEING, "/for-the-root");
        let lines = proxy.wait_for_guest_lines(|lines| items(lines).len() == 2);
        (told, items(&lines.expect("two items")))
    });
    assert_eq!(told, "true true None");
    assert_eq!(items, ["/for-the-root", ""]);
}

fn items(lines: &[GuestLine]) -> Vec<String> {
    let items = lines
        .iter()
        .filter_map(|line| line.message.strip_prefix("item:"));
    items.map(|item| item.trim().to_owned()).collect()
}

fn grpc(body: Body, status: &str) -> Answer {
    let trailers = [
        ("grpc-status", status),
        ("grpc-message", "why"),
        ("x-end", "1"),
    ];
    Answer::stream(body.trailers(&trailers))
        .header("content-type", "application/grpc")
        .header("x-begin", "1")
}

#[test]
fn a_grpc_call_has_an_answer_or_a_status() {
    for (status, expected) in [
        ("0", "Ok(\"answer\")"),
        (
            "7",
            "Err(Status { code: 7, message: \"why{via_upstream}\" })",
        ),
    ] {
        let (told, sent) = WORKSHOP.compare(|proxy| {
            let answer = grpc(Body::chunks().chunk(grpc_frame("answer")), status);
            proxy.origin().answer("/workshop.Service/Call", answer);
            let told = told(proxy, ASKING, "/bytes");
            let sent = proxy.origin().only_request();
            (
                told,
                (sent.header("x-asked-by").map(str::to_owned), sent.body),
            )
        });
        assert_eq!(told, expected);
        let question = grpc_frame("question");
        assert_eq!(sent, (Some("workshop".to_owned()), question));
    }
}

#[test]
fn a_grpc_call_takes_and_gives_messages() {
    let told = WORKSHOP.compare(|proxy| {
        let answer = grpc(Body::chunks().chunk(grpc_frame("\n\u{4}Ruth")), "0");
        proxy.origin().answer("/workshop.Service/Name", answer);
        let named = told(proxy, ASKING, "/message");
        let broken = grpc(Body::chunks().chunk(grpc_frame("\n\u{4}R")), "0");
        proxy.origin().answer("/workshop.Service/Name", broken);
        [named, told(proxy, ASKING, "/message")]
    });
    assert_eq!(told, ["Ok(Named { name: \"Ruth\" })", "Err(Malformed)"]);
}

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let told = WORKSHOP.compare(|proxy| told(proxy, ASKING, "/nowhere"));
    let error = "UnknownCluster(\"nowhere\")";
    assert_eq!(told, format!("Err({error}) Some({error})"));
}

#[test]
fn a_grpc_stream_has_messages_and_metadata() {
    let (told, sent) = WORKSHOP.compare(|proxy| {
        let body = Body::chunks()
            .chunk(grpc_frame("eins"))
            .chunk(grpc_frame("zwei"));
        proxy
            .origin()
            .answer("/workshop.Service/Talk", grpc(body, "0"));
        let told = told(proxy, ASKING, "/stream");
        (told, proxy.origin().only_request().body)
    });
    assert_eq!(told, "true \"eins\" \"zwei\" true");
    assert_eq!(sent, [grpc_frame("one"), grpc_frame("two")].concat());
}

#[test]
fn a_grpc_stream_takes_and_gives_messages() {
    let told = WORKSHOP.compare(|proxy| {
        let body = Body::chunks()
            .chunk(grpc_frame("\n\u{1}a"))
            .chunk(grpc_frame("\n\u{1}b"));
        proxy
            .origin()
            .answer("/workshop.Service/Names", grpc(body, "0"));
        told(proxy, ASKING, "/typed")
    });
    assert_eq!(told, "a b");
}

#[test]
fn what_is_dropped_is_cancelled() {
    let told = WORKSHOP.compare(|proxy| {
        let late = grpc(Body::chunks().chunk(grpc_frame("late")), "0");
        let late = late.delay(Duration::from_secs(1));
        proxy.origin().answer("/workshop.Service/Late", late);
        told(proxy, ASKING, "/cancel")
    });
    assert_eq!(told, "Err(Elapsed) Err(Elapsed)");
}

#[test]
fn names_are_looked_up() {
    let told = WORKSHOP.compare(|proxy| told(proxy, ASKING, "/dns"));
    assert_eq!(told, "false true");
}

#[test]
fn all_headers_are_replaced_at_once() {
    let received = WORKSHOP.compare(|proxy| {
        let request = proxy.get(EDITING, "/replace").header("x-old", "1");
        assert_eq!(request.send().status, 200);
        let received = proxy.origin().only_request();
        ["x-old", "x-new", "x-grown"].map(|name| received.header(name).map(str::to_owned))
    });
    let expected = [None, Some("1"), Some("10")];
    assert_eq!(received, expected.map(|value| value.map(str::to_owned)));
}

#[test]
fn a_filter_resets_a_stream() {
    let status = WORKSHOP.compare(|proxy| proxy.get(EDITING, "/reset").send().status);
    assert_eq!(status, 0, "the connection is closed without an answer");
}

#[test]
fn an_access_logger_notes_what_has_ended() {
    let (held, noted) = WORKSHOP.compare(|proxy| {
        let response = proxy.post(EDITING, "/http2/noted").http2().body("held");
        assert_eq!(response.send().status, 200);
        let held = proxy.guest_log("editing", "body of");
        // What the scenario before has asked for may be noted only now.
        let noted = proxy.guest_log("noting", "noted Ok(\"/http2/noted\")");
        (held, noted.last().cloned())
    });
    assert_eq!(held, ["info body of 4, held 4"]);
    let line = "info noted Ok(\"/http2/noted\") Ok(Some(200)) Ok(Some(\"via_upstream\")) true";
    assert_eq!(noted.as_deref(), Some(line));
}

#[test]
fn trailers_are_added() {
    let trailers = WORKSHOP.compare(|proxy| {
        let answer = Body::chunks().chunk("a").trailers(&[("x-end", "1")]);
        proxy.origin().answer("/http2", Answer::stream(answer));
        let response = proxy.get(EDITING, "/http2").http2().send();
        response
            .trailers
            .unwrap_or_default()
            .all("x-added")
            .join(" ")
    });
    assert_eq!(trailers, "1 2");
}

#[test]
fn every_attribute_has_its_type() {
    let log = WORKSHOP.compare(|proxy| {
        let request = proxy
            .post(SURVEYING, "/attributes?q=1")
            .header("referer", "here")
            .header("user-agent", "test");
        assert_eq!(request.body("four").send().status, 200);
        proxy.guest_log("surveying", "response: ")
    });
    assert_eq!(
        log,
        [
            "info request: id=() path=\"/attributes?q=1\" method=\"POST\" host=() \
             referer=\"here\" user_agent=\"test\" headers=() headers_size=() \
             protocol=\"HTTP/1.1\" url_path=\"/attributes\" query=\"q=1\" scheme=\"http\" \
             start_time=() duration=- size=4 total_size=() route=\"to-origin\" \
             route_metadata=() cluster=\"origin\" cluster_metadata=() virtual_host=\"all\" \
             virtual_host_metadata=() filter_chain=\"\" direction=0 listener_metadata=() \
             node=() node_id=() metadata=() by_path=4 by_parts=\"POST\" \
             ill_typed=proxy_get_property: ParseFailure (4)",
            "info connection: remote_address=() remote_ip=127.0.0.1 remote_port=() \
             local_address=() local_port=() id=() tls=- sni=\"\" mtls=false peer_subject=- \
             peer_uri=- peer_dns=- peer_digest=- local_subject=- local_uri=- local_dns=- \
             termination=- failure=-",
            "info upstream: address=() port=() local_address=() locality=() \
             metadata=proxy_get_property: SerializationFailure (3) \
             locality_metadata=proxy_get_property: SerializationFailure (3) failure=\"\" \
             attempts=1 connect_time=() endpoints=1 state=- tls=- subject=- uri=- dns=- digest=- \
             own_subject=- own_uri=- own_dns=-",
            "info response: code=200 details=\"via_upstream\" flags=0 grpc_status=2 headers=() \
             headers_size=() trailers=() size=22 total_size=() latency=() duration=() \
             plugin=\"surveying\" root_id=\"surveying\" vm_id=\"surveying\"",
        ]
    );
}

#[test]
fn functions_of_the_host_and_state_of_other_filters_are_at_hand() {
    let told = WORKSHOP.compare(|proxy| told(proxy, SURVEYING, "/functions"));
    assert_eq!(
        told,
        "true Some(Error { call: \"proxy_call_foreign_function\", status: 1 }) Some(\"raw\") \
         Some(\"mine\") None"
    );
}

#[test]
fn metrics_are_read_back() {
    let told = WORKSHOP.compare(|proxy| {
        let first = told(proxy, SURVEYING, "/metrics");
        let second = told(proxy, SURVEYING, "/metrics");
        [first, second]
    });
    assert_eq!(told, ["1 5", "2 10"]);
}

#[test]
fn a_service_works_without_streams() {
    let heard = WORKSHOP.compare(|proxy| {
        let _lines = proxy.output();
        let lines = proxy.wait_for_guest_lines(|lines| {
            lines
                .iter()
                .any(|line| line.message.starts_with("the service heard"))
        });
        let lines = lines.expect("the service hears");
        let heard = lines.into_iter().map(|line| line.message);
        heard
            .filter(|text| text.starts_with("the service heard"))
            .collect::<Vec<_>>()
    });
    assert_eq!(heard, ["the service heard: hello from the origin\\n"]);
}

#[test]
fn a_plugin_that_ends_may_wait_for_another() {
    let lines = tollgate_integration_tests::chosen_proxies()
        .into_iter()
        .map(ending);
    let lines: BTreeSet<_> = lines.collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let expected = ["one waits", "the other stops", "the one is done"];
    assert_eq!(lines.first().expect("lines"), &expected.map(str::to_owned));
}

/// What the plugins of `ending.yaml` say while their proxy ends.
fn ending(kind: Kind) -> Vec<String> {
    let file =
        tollgate_integration_tests::envoy_config_dir().join("conformance/run-only/ending.yaml");
    let mut proxy = Proxy::start(kind, &file);
    let process = proxy.server_mut().process_mut();
    kill_signal(process.pid(), "TERM");
    assert!(
        process.wait(Duration::from_secs(20)).is_some(),
        "{kind:?} does not end"
    );
    process.wait_for_end_of_output();
    // Each VM says the same.
    let lines = proxy.guest_lines_so_far().into_iter();
    lines.map(|line| line.message).take(3).collect()
}
