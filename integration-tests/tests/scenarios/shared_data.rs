//! Shared data of one `vm_id`.

use crate::support::{MAIN, PLUGINS, STREAMS};

const RED: u16 = 10_000;
const RED_TOO: u16 = 10_001;
const BLUE: u16 = 10_002;

#[test]
fn compare_and_swap_takes_only_the_last_version() {
    let log = STREAMS.compare(|proxy| {
        let response = proxy
            .get(MAIN, "/shared-data/swap")
            .header("x-key", "swapped")
            .send();
        assert_eq!(response.status, 200);
        proxy.guest_log("main", "swapped")
    });
    assert_eq!(
        log,
        [
            "info unknown: None None",
            "info new key, any cas: Ok(())",
            "info then: Some(\"one\"), cas known true",
            "info wrong cas: Err(CasMismatch)",
            "info right cas: Ok(())",
            "info used cas: Err(CasMismatch)",
            "info no cas: Ok(())",
            "info at last: Some(\"three\"), cas changed true",
            "info emptied: Ok(())",
            "info empty: None, cas known true",
            "info swapped",
        ]
    );
}

#[test]
fn a_value_lives_from_request_to_request() {
    let counts: Vec<_> = PLUGINS.compare(|proxy| {
        (0..3).for_each(|_| {
            let response = proxy.get(RED, "/count").header("x-key", "requests").send();
            assert_eq!(response.status, 200);
        });
        let received = proxy.origin().received();
        received
            .iter()
            .map(|r| r.header("x-count").unwrap_or_default().to_owned())
            .collect()
    });
    assert_eq!(counts, ["1", "2", "3"]);
}

#[test]
fn vms_of_one_vm_id_share_data_and_others_do_not() {
    let counts: Vec<_> = PLUGINS.compare(|proxy| {
        for listener in [RED, RED_TOO, BLUE, RED_TOO, BLUE] {
            let response = proxy.get(listener, "/count").header("x-key", "vms").send();
            assert_eq!(response.status, 200);
        }
        let received = proxy.origin().received();
        received
            .iter()
            .map(|r| r.header("x-count").unwrap_or_default().to_owned())
            .collect()
    });
    assert_eq!(counts, ["1", "2", "1", "3", "2"]);
}
