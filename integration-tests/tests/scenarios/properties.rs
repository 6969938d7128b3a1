//! Properties in each phase of a stream.

use crate::support::{MAIN, STREAMS};

#[test]
fn properties_follow_the_phases_of_a_stream() {
    let log = STREAMS.compare(|proxy| {
        let request = proxy
            .post(MAIN, "/properties/read?a=1&b")
            .header("x-mixed", "one");
        let request = request
            .header("x-mixed", "two")
            .header("user-agent", "scenario");
        assert_eq!(request.body("12345").send().status, 200);
        proxy.guest_log("main", "logged")
    });
    let expected = [
        "info request.path: Ok(Some(\"/properties/read?a=1&b\"))",
        "info request.url_path: Ok(Some(\"/properties/read\"))",
        "info request.query: Ok(Some(\"a=1&b\"))",
        "info request.host: Ok(Some(\"tollgate.test\"))",
        "info request.method: Ok(Some(\"POST\"))",
        "info request.scheme: Ok(Some(\"http\"))",
        "info request.protocol: Ok(Some(\"HTTP/1.1\"))",
        "info request.useragent: Ok(Some(\"scenario\"))",
        "info request.referer: Ok(None)",
        "info request.headers.X-Mixed: Ok(Some(\"one,two\"))",
        "info request.headers.x-none: Ok(None)",
        "info xds.route_name: Ok(Some(\"everything-else\"))",
        "info xds.cluster_name: Ok(Some(\"origin\"))",
        "info plugin_name: Ok(Some(\"main\"))",
        "info plugin_root_id: Ok(Some(\"main\"))",
        "info plugin_vm_id: Ok(Some(\"main-vm\"))",
        "info no-such-property: Ok(None)",
        "info source.address: Some(\"127.0.0.1\")",
        "info request.time: Some(8) bytes",
        "info request.duration: Some(8) bytes",
    ];
    for line in expected {
        assert!(
            log.iter().any(|logged| logged == line),
            "{line} is missing in {log:#?}"
        );
    }
}

#[test]
fn a_property_that_a_guest_sets_stays_for_its_stream() {
    let log = STREAMS.compare(|proxy| {
        assert_eq!(proxy.get(MAIN, "/properties/state").send().status, 200);
        proxy.guest_log("main", "logged")
    });
    assert_eq!(
        log,
        [
            "info before: None",
            "info verdict: Ok(Some(\"very good\"))",
            "info filter_state.wasm.verdict: Ok(Some(\"very good\"))",
            "info verdict: Ok(Some(\"very good\"))",
            "info verdict: Ok(Some(\"very good\"))",
            "info logged",
        ]
    );
}
