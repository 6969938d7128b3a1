//! Every way to crash in every callback.

use tollgate_integration_tests::client::{Gate, Response};

use super::{CALLBACKS, Callback, Ending, Run, WAYS};

/// The breaker would open, for nothing but crashes comes.
const SETTINGS: &str = "
limits: { stream_deadline: 1s, tick_deadline: 1s, memory_bytes: 4MiB }
breaker: { faults: 0 }
";

/// Requests that are there while another one crashes.
const IN_FLIGHT: usize = 200;

#[track_caller]
fn assert_ends(Callback(name, ending): Callback, way: &str, response: &Response) {
    let seen = (response.status, response.complete);
    let expected = match ending {
        Ending::Answered => (503, true),
        Ending::BrokenOff => (200, false),
        Ending::Unharmed => (200, true),
    };
    assert_eq!(seen, expected, "{way} in {name}: {response:?}");
}

#[test]
fn in_stream_isolation_a_crash_fails_its_request_and_no_other() {
    let run = Run::start(SETTINGS, &["--isolation", "stream", "--concurrency", "1"]);
    let gate = Gate::closed();
    let others: Vec<_> = run
        .in_flight(IN_FLIGHT, &gate)
        .into_iter()
        .map(|pending| pending.open().expect("an answer begins"))
        .collect();
    for callback in CALLBACKS {
        for way in WAYS {
            assert_ends(callback, way, &run.crash(callback, way));
        }
    }
    gate.open();
    for (number, other) in others.into_iter().enumerate() {
        let response = other.finish();
        let is_whole = response.complete && response.trailers.is_some();
        let seen = (response.status, response.text(), is_whole);
        let log = || run.process.lines().join("\n");
        assert_eq!(
            seen,
            (200, "answer".to_owned(), true),
            "{number}: {}",
            log()
        );
    }
    assert_counts(&run);
    assert_eq!(run.stat("wasm.guest.vm_reload_success"), 0);
    let counts = ["wasm.instances_created", "wasm.instances_reused"];
    let seen: u64 = counts.map(|name| run.stat(name)).iter().sum();
    let asked = IN_FLIGHT + CALLBACKS.len() * WAYS.len();
    assert_eq!(usize::try_from(seen), Ok(asked));
}

#[test]
fn in_worker_isolation_the_next_request_is_served() {
    let run = Run::start(SETTINGS, &["--concurrency", "1"]);
    for callback in CALLBACKS {
        for way in WAYS {
            assert_ends(callback, way, &run.crash(callback, way));
            let next = run.served();
            assert_eq!(next.status, 200, "after {way} in {}", callback.0);
            assert!(next.complete, "after {way} in {}", callback.0);
        }
    }
    assert_counts(&run);
}

/// Each way has been counted in each callback, and told by its kind.
#[track_caller]
fn assert_counts(run: &Run) {
    let each = CALLBACKS.len() as u64;
    assert_eq!(run.stat("wasm.guest.faults.deadline"), each);
    assert_eq!(run.stat("wasm.guest.faults.memory"), each);
    assert_eq!(run.stat("wasm.guest.faults.trap"), 2 * each);
}
