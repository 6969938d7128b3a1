//! Ports that nobody uses.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which Linux takes the local ports of outgoing connections: a port found
/// free there would be lost again to the next client.
const FIRST: u16 = 11_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Returns a port that was free a moment ago and that this process will not return again soon.
///
/// # Panics
///
/// When every port of the range is taken.
#[must_use]
pub fn free() -> u16 {
    // Processes of a parallel test run start far apart.
    let offset = (process::id() % u32::from(COUNT)) * 211 % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let index = (offset + step) % u32::from(COUNT);
        let port = FIRST + u16::try_from(index).expect("an index is less than the count");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
