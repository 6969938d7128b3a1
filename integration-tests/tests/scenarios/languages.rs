//! The same small filter in C, C++ and Go, each on raw imports: what it does must not depend on
//! the language, nor on the proxy.

use tollgate_integration_tests::origin::{Answer, Received};
use tollgate_integration_tests::{Kind, Pair, Proxy, SharedPair};

use crate::support::essence;

static LANGUAGES: SharedPair = SharedPair::new("conformance/languages.yaml");

/// Listener and plugin of each language.
const ALL: [(u16, &str); 3] = [(10_000, "c"), (10_001, "cpp"), (10_002, "go")];

/// Runs a scenario for each language on both proxies; returns what each language gave.
#[track_caller]
fn each<T: std::fmt::Debug + PartialEq>(
    scenario: impl Fn(&Proxy, u16, &str) -> T,
) -> [(T, &'static str); 3] {
    ALL.map(|(port, name)| (LANGUAGES.compare(|proxy| scenario(proxy, port, name)), name))
}

fn answered_log(proxy: &Proxy, name: &str) -> Vec<String> {
    let log = proxy.guest_log(name, "ended with");
    log.into_iter()
        .filter(|line| !line.contains("ticked"))
        .collect()
}

#[test]
fn a_guest_of_any_language_edits_headers_and_prints() {
    let outcomes = each(|proxy, port, name| {
        let request = proxy.get(port, "/headers?q=1").header("x-name", "Ada");
        let response = request.header("x-secret", "s").send();
        let received: Received = proxy.origin().only_request();
        (response, essence(&received), answered_log(proxy, name))
    });
    for ((response, received, log), name) in outcomes {
        assert_eq!(response.headers.all("x-language"), [name]);
        assert_eq!(response.text(), "hello from the origin\n");
        assert!(received.contains("Good morning, Ada"), "{received}");
        assert!(!received.contains("x-secret"), "{received}");
        assert!(
            received.contains(&format!("\"x-seen\": \"{name}\"")),
            "{received}"
        );
        let (printed, ended) = log.split_first().expect("the guest printed");
        assert!(printed.ends_with(" headers"), "{printed}");
        assert_eq!(ended, ["info ended with 200, time passes: yes"]);
    }
}

#[test]
fn a_guest_of_any_language_greets_without_a_name() {
    let outcomes = each(|proxy, port, _| {
        assert_eq!(proxy.get(port, "/headers").send().status, 200);
        let received = proxy.origin().only_request();
        received.header("x-greeting").map(str::to_owned)
    });
    for (greeting, name) in outcomes {
        assert_eq!(
            greeting.as_deref(),
            Some("Good morning, stranger"),
            "{name}"
        );
    }
}

#[test]
fn a_guest_of_any_language_answers_itself() {
    let outcomes = each(|proxy, port, name| {
        let response = proxy.get(port, "/deny").send();
        let asked = proxy.origin().received().len();
        (response, asked, answered_log(proxy, name))
    });
    for ((response, asked, log), name) in outcomes {
        assert_eq!((response.status, asked), (403, 0), "{name}");
        assert_eq!(response.text(), "no entry\n");
        assert_eq!(response.headers.all("x-denied-by"), [name]);
        assert_eq!(log, ["info ended with 403, time passes: yes"]);
    }
}

#[test]
fn a_guest_of_any_language_rewrites_a_request_body() {
    let outcomes = each(|proxy, port, _| {
        let request = proxy.post(port, "/request-body").body("to be shouted");
        assert_eq!(request.send().status, 200);
        proxy.origin().only_request().text()
    });
    for (body, name) in outcomes {
        assert_eq!(body, "TO BE SHOUTED", "{name}");
    }
}

#[test]
fn a_guest_of_any_language_appends_to_a_response_body() {
    let outcomes = each(|proxy, port, _| {
        let answer = Answer::text("a page");
        proxy.origin().answer("/response-body", answer);
        proxy.get(port, "/response-body").send().text()
    });
    for (body, name) in outcomes {
        assert_eq!(body, format!("a page (read by {name})"));
    }
}

#[test]
fn a_guest_of_any_language_counts_in_shared_data() {
    let outcomes = each(|proxy, port, _| {
        let count = |_| {
            assert_eq!(proxy.get(port, "/shared-data").send().status, 200);
        };
        (0..3).for_each(count);
        let received = proxy.origin().received();
        let visits = received
            .iter()
            .map(|r| r.header("x-visits").map(str::to_owned));
        visits.collect::<Vec<_>>()
    });
    for (visits, name) in outcomes {
        let expected = ["1", "2", "3"].map(|visit| Some(visit.to_owned()));
        assert_eq!(visits, expected, "{name}");
    }
}

#[test]
fn a_guest_of_any_language_waits_for_a_callout() {
    let outcomes = each(|proxy, port, _| {
        let answer = Answer::text("you may pass").with_status(202);
        proxy.origin().answer("/side", answer);
        let response = proxy.get(port, "/callout").send();
        let received = proxy.origin().received();
        let paths: Vec<_> = received.iter().map(|r| r.path.clone()).collect();
        let told = received
            .last()
            .and_then(|r| r.header("x-side").map(str::to_owned));
        (response.status, paths, told)
    });
    for ((status, paths, told), name) in outcomes {
        assert_eq!(status, 200, "{name}");
        assert_eq!(paths, ["/side", "/callout"], "{name}");
        assert_eq!(told.as_deref(), Some("202 you may pass"), "{name}");
    }
}

#[test]
fn a_guest_of_any_language_ticks() {
    let outcomes = each(|proxy, _, name| {
        let counter = format!("{name}_ticks");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        loop {
            // Envoy has one more root context, on its main thread, which ticks as well.
            let metrics = proxy.custom_metrics(&counter);
            let ticks: u32 = metrics.values().filter_map(|v| v.parse::<u32>().ok()).sum();
            if ticks >= 3 {
                return metrics.into_keys().collect::<Vec<_>>();
            }
            assert!(
                std::time::Instant::now() < deadline,
                "{name} ticks not: {metrics:?}"
            );
            std::thread::yield_now();
        }
    });
    for (counters, name) in outcomes {
        assert_eq!(counters, [format!("{name}_ticks")]);
    }
}

#[test]
fn constructors_of_a_guest_in_cpp_run_before_everything_else() {
    for (kind, constructed) in LANGUAGES.each(|proxy| {
        let lines = proxy.output();
        lines
            .iter()
            .filter(|line| line.contains("wasm log: constructed"))
            .count()
    }) {
        assert!(constructed >= 1, "{kind:?}");
    }
}

#[test]
fn a_panic_in_go_ends_its_vm_and_no_other() {
    // A pair of its own: on Envoy the VM stays ended, Tollgate replaces it.
    let pair = Pair::start("conformance/languages.yaml");
    for (kind, statuses) in pair.each(|proxy| {
        let status = |port, path| proxy.get(port, path).send().status;
        (
            status(10_002, "/before"),
            status(10_002, "/panic"),
            status(10_002, "/after"),
            status(10_000, "/after"),
        )
    }) {
        let after = match kind {
            Kind::Envoy => 503,
            Kind::Tollgate => 200,
        };
        assert_eq!(statuses, (200, 503, after, 200), "{kind:?}");
    }
}
