//! Faults of all kinds at random for a while, and reloads among them: nothing grows, nothing hangs,
//! nobody is left without an answer.

use std::env;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use tollgate_integration_tests::client::Response;

use super::{CALLBACKS, Run, WAYS};
use crate::support::LIMIT;

/// How long, in seconds, instead of [`SHORT`].
const VARIABLE: &str = "TOLLGATE_SOAK_SECONDS";
const SHORT: Duration = Duration::from_secs(20);
/// Clients at once.
const CLIENTS: usize = 4;
/// Of so many requests one crashes.
const ONE_IN: u64 = 5;

/// A loop costs a deadline, and with it the time of all others on its worker. A version that crashes
/// is taken back while its window is open, so that ways back are among the reloads.
const SETTINGS: &str = "
reload: { rollback: { window: 1s } }
limits: { stream_deadline: 500ms, tick_deadline: 500ms, memory_bytes: 4MiB }
breaker: { faults: 0 }
";

/// What the clients have seen.
#[derive(Debug, Default)]
struct Seen {
    served: usize,
    crashed: usize,
    reloads: usize,
    /// Resident memory after each reload, in KiB.
    memory: Vec<u64>,
    wrong: Vec<String>,
}

#[test]
fn nothing_grows_or_hangs_while_streams_crash_at_random() {
    for isolation in ["stream", "worker"] {
        println!("{}", soak(isolation, length() / 2));
    }
}

fn length() -> Duration {
    let seconds = env::var(VARIABLE).ok().map(|text| {
        let seconds = text.parse().ok();
        seconds.unwrap_or_else(|| panic!("{VARIABLE} is a number of seconds, not {text:?}"))
    });
    seconds.map_or(SHORT, Duration::from_secs)
}

/// Returns what was seen.
fn soak(isolation: &str, length: Duration) -> String {
    let how = ["--isolation", isolation, "--concurrency", "2", "--no-watch"];
    let run = Run::start(SETTINGS, &how);
    // What is made at the first use of anything is no growth.
    load(&run, isolation, length / 5);
    let seen = load(&run, isolation, length * 4 / 5);
    // One more request each, so that what has failed is replaced and what has ended is gone.
    assert_eq!(run.served().status, 200, "{isolation}");
    settle(&run, isolation);
    assert!(seen.wrong.is_empty(), "{isolation}: {:#?}", seen.wrong);
    let is_all = seen.served > 0 && seen.crashed > 0 && seen.reloads > 0;
    assert!(is_all, "{isolation}: {seen:?}");
    let (before, after) = floors(&seen.memory);
    let allowed = before + before / 20 + warm_up(length);
    assert!(
        after <= allowed,
        "{isolation}: more than {allowed} KiB: {seen:?}"
    );
    let Seen {
        served,
        crashed,
        reloads,
        ..
    } = seen;
    format!(
        "{isolation}: from {before} to {after} KiB with {served} requests served, {crashed} crashed, {reloads} reloads"
    )
}

/// The least memory in the first third of the time and in the last one: what is there twice while a
/// generation makes room for the next is no growth, and a leak lifts the floor too. Of a floor of 90
/// MiB no more than 8 is in use, and stays so; the rest is the program, and what the allocator keeps
/// for threads that come and go, which varies by some per cent in either direction.
fn floors(memory: &[u64]) -> (u64, u64) {
    let third = memory.len().div_ceil(3);
    let least = |part: &[u64]| part.iter().min().copied().unwrap_or_default();
    (
        least(memory.get(..third).unwrap_or_default()),
        least(memory.get(memory.len() - third..).unwrap_or_default()),
    )
}

/// A run that is short is over before the allocator has what it needs.
fn warm_up(length: Duration) -> u64 {
    if length < Duration::from_secs(60) {
        4096
    } else {
        0
    }
}

/// Waits until one generation is left, with the VMs of its two workers.
fn settle(run: &Run, isolation: &str) {
    let deadline = Instant::now() + LIMIT;
    while run.stat("tollgate.generations_alive") > 1 || run.stat("wasm.vms_alive") > 2 {
        assert!(Instant::now() < deadline, "{isolation}: VMs are left");
        thread::yield_now();
    }
}

/// Sends requests for a while, some of which crash, and reloads meanwhile.
fn load(run: &Run, isolation: &str, length: Duration) -> Seen {
    let end = Instant::now() + length;
    thread::scope(|scope| {
        let clients = (0..CLIENTS).map(|client| {
            let seed = 0x9e37_79b9_7f4a_7c15 ^ client as u64;
            scope.spawn(move || client_until(run, isolation, end, seed))
        });
        let reloads = scope.spawn(move || reload_until(run, end));
        let clients: Vec<_> = clients.chain([reloads]).collect();
        clients
            .into_iter()
            .fold(Seen::default(), |mut all, client| {
                let seen = client.join().expect("a client does not panic");
                all.served += seen.served;
                all.crashed += seen.crashed;
                all.reloads += seen.reloads;
                all.memory.extend(seen.memory);
                all.wrong.extend(seen.wrong);
                all
            })
    })
}

/// One version after the other.
fn reload_until(run: &Run, end: Instant) -> Seen {
    let mut seen = Seen::default();
    for version in (1..=9).cycle() {
        if Instant::now() >= end {
            break;
        }
        seen.wrong.extend(run.reload(version).err());
        seen.reloads += 1;
        seen.memory.push(memory(run));
    }
    seen
}

fn client_until(run: &Run, isolation: &str, end: Instant, mut random: u64) -> Seen {
    let mut seen = Seen::default();
    while Instant::now() < end {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if !random.is_multiple_of(ONE_IN) {
            let response = run.served();
            seen.served += 1;
            if !is_served(&response, isolation) {
                seen.wrong.push(format!("served as {response:?}"));
            }
            continue;
        }
        let pick = usize::try_from(random >> 32).unwrap_or_default();
        let mut all = CALLBACKS
            .iter()
            .flat_map(|callback| WAYS.map(|way| (*callback, way)));
        let chosen = all.nth(pick % (CALLBACKS.len() * WAYS.len()));
        let (callback, way) = chosen.expect("there are so many");
        let response = run.crash(callback, way);
        seen.crashed += 1;
        if response.status == 0 {
            seen.wrong
                .push(format!("{way} in {callback:?} has no answer"));
        }
    }
    seen
}

/// In `stream` nobody is harmed by others' crashes. In `worker` those in flight may be, but each is
/// answered.
fn is_served(response: &Response, isolation: &str) -> bool {
    match isolation {
        "stream" => response.status == 200 && response.complete,
        _ => response.status == 200 || response.status == 503,
    }
}

/// The resident memory of the program, in KiB.
fn memory(run: &Run) -> u64 {
    let path = format!("/proc/{}/status", run.process.pid());
    let status = fs::read_to_string(path).expect("the program runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.and_then(|number| number.parse().ok());
    number.expect("a process has resident memory")
}
