//! Projects that `tollgate new` writes: their module in their `envoy.yaml`, on both proxies.

use tollgate_integration_tests::client::{Body, TcpClient};
use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::{Pair, Project};

use crate::support::MAIN;

fn serve(kind: &str) -> Pair {
    let project = Project::create(kind, &format!("made-{kind}"));
    Pair::start(&project.envoy_yaml().display().to_string())
}

#[test]
fn auth_lets_in_a_known_key_and_names_its_owner() {
    let (rejected, accepted, received) = serve("auth").compare(|proxy| {
        let rejected = proxy.get(MAIN, "/").send();
        let request = proxy.get(MAIN, "/").header("x-api-key", "demo-key");
        let accepted = request.header("x-consumer", "root").send();
        (rejected, accepted, proxy.origin().only_request())
    });
    assert_eq!((rejected.status, accepted.status), (401, 200));
    assert_eq!(rejected.header("www-authenticate"), Some("ApiKey"));
    assert_eq!(received.headers.all("x-consumer"), ["demo"]);
    assert_eq!(received.header("x-api-key"), None);
}

#[test]
fn rate_limit_answers_429_after_five_requests() {
    let statuses = serve("rate-limit").compare(|proxy| {
        let ask = |_| proxy.get(MAIN, "/").send().status;
        (0..7).map(ask).collect::<Vec<_>>()
    });
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
}

#[test]
fn body_refuses_what_is_no_json_and_hides_numbers() {
    let (refused, hidden) = serve("body").compare(|proxy| {
        let card = r#"{ "card": 4111111111111111 }"#;
        proxy.origin().answer("/card", Answer::text(card));
        let refused = proxy.post(MAIN, "/card").body("no JSON").send();
        let hidden = proxy.post(MAIN, "/card").body("{}").send();
        (refused, hidden)
    });
    let text = refused.text();
    assert_eq!(refused.status, 400);
    assert!(text.starts_with("the body is no JSON"), "{text}");
    assert_eq!(hidden.text(), r#"{ "card": ************1111 }"#);
}

#[test]
fn tcp_lets_through_who_begins_with_the_password() {
    let (refused, echoed) = serve("tcp").compare(|proxy| {
        let exchange = |bytes: &[u8]| {
            let mut client = TcpClient::connect(proxy.port(MAIN));
            client.send(bytes);
            client.end();
            client.rest_text()
        };
        (exchange(b"guess\nhello\n"), exchange(b"sesame\nhello\n"))
    });
    assert_eq!((refused.as_str(), echoed.as_str()), ("", "hello\n"));
}

#[test]
fn grpc_asks_who_the_user_is() {
    let (status, received) = serve("grpc").compare(|proxy| {
        // Field 1, three bytes long.
        let message = Body::empty().grpc_message("\n\u{3}Ann");
        let answer = Answer::grpc(message.grpc_status("0", ""));
        proxy
            .origin()
            .answer("/directory.v1.Directory/Lookup", answer);
        let response = proxy.get(MAIN, "/").header("x-user", "a1").send();
        let received = proxy.origin().received();
        let forwarded = received.into_iter().find(|request| request.path == "/");
        (response.status, forwarded)
    });
    let received = received.expect("the request went on");
    assert_eq!((status, received.header("x-user-name")), (200, Some("Ann")));
}
