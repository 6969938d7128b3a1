//! Many reloads under load: nothing fails, nothing is mixed, nothing is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use tollgate_integration_tests::client::{Connection, Request, Response, Version};

use super::mirror::Mirror;
use super::{Run, answered_by, versioned_with_callout};

/// Reloads in a run of the tests; `TOLLGATE_RELOADS` asks for more.
const RELOADS: u64 = 60;
/// Clients at once, of which every fourth speaks HTTP/2.
const CLIENTS: usize = 8;
/// Reloads after which memory is compared with that at the end.
const WARM_UP: u64 = 20;

/// Clients that send one request after the other.
struct Load {
    ends: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(port: u16) -> Self {
        let (ends, answered) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let client = |index: usize| {
            let (ends, answered) = (Arc::clone(&ends), Arc::clone(&answered));
            let version = match index % 4 {
                0 => Version::Http2,
                _ => Version::Http1,
            };
            thread::spawn(move || send_until(&ends, &answered, port, version))
        };
        let clients = (0..CLIENTS).map(client).collect();
        Self {
            ends,
            answered,
            clients,
        }
    }

    /// Ends; fails if any client has.
    fn end(self) -> u64 {
        self.ends.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("no request fails");
        }
        self.answered.load(Ordering::Relaxed)
    }
}

/// Sends requests until told to end.
fn send_until(ends: &AtomicBool, answered: &AtomicU64, port: u16, version: Version) {
    let connection = Connection::open(port, version);
    while !ends.load(Ordering::Relaxed) {
        check(&connection.send(Request::new(port, "GET", "/")));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// The request, its callout and its response have met one version.
fn check(response: &Response) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.header("x-came-through"),
        Some(&*answered_by(response))
    );
}

#[test]
fn reloads_under_load_lose_and_mix_and_leave_nothing() {
    let reloads = std::env::var("TOLLGATE_RELOADS").ok();
    let reloads = reloads.map_or(RELOADS, |number| number.parse().expect("a number"));
    let upstream = Mirror::start();
    let run = Run::start(upstream.port);
    let module = |version: u64| versioned_with_callout(&version.to_string());
    run.write_module(module(0));
    run.reload_well();
    run.wait_until("end of the first generation", || {
        run.stat("tollgate.generations_alive") == 1
    });
    let baseline = run.vms();
    let load = Load::start(run.port);
    let mut resident = 0;
    for version in 1..=reloads {
        // A stream that is older than many generations after it.
        let old = run.hold_stream(&upstream);
        run.write_module(module(version));
        run.reload_well();
        let answer = old.release();
        check(&answer);
        assert_eq!(answered_by(&answer), (version - 1).to_string());
        if version == WARM_UP {
            run.wait_until("end of the old generations", || run.is_settled(baseline));
            resident = run.resident();
        }
    }
    let answered = load.end();
    assert!(answered > reloads, "{answered} answers are no load");
    run.wait_until("end of the old generations", || run.is_settled(baseline));
    let grown = run.resident().saturating_sub(resident);
    println!("{reloads} reloads, {answered} answers, RSS {resident} KiB + {grown} KiB");
    assert!(
        grown * 20 < resident,
        "memory has grown from {resident} KiB by {grown} KiB"
    );
}
