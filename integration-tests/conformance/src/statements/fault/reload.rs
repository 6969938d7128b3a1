//! `FAIL_RELOAD`: a crashed VM is replaced, but not too often.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::host::Host;
use crate::running::Running;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

use super::policy::crash;
use super::{REPLACED, crashing};

pub(super) const STATEMENTS: &[Statement] = &[Statement {
    id: "FA-05",
    text: "with FAIL_RELOAD a fresh VM serves after the back-off, and until then requests are answered 503",
    verdict: Verdict::Differs {
        envoy: "503 \"\", fresh: 200 called=2, again: 503 \"\" 503, \
                success=1 failure=0 backoff=some reload=0",
        tollgate: "503 \"\", fresh: 200 called=2, again: 503 \"\" 200, \
                   success=2 failure=0 backoff=0 reload=0",
        reason: REPLACED,
    },
    note: None,
    run: reload,
}];

/// Nothing waits longer than one and a half times this.
const BASE: &str = "1s";

const LIMIT: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(20);

fn reload(host: &Host) -> String {
    let plugin = crashing("").failure_policy("FAIL_RELOAD");
    let backoff = json!({ "backoff": { "base_interval": BASE } });
    let proxy = host.serve(&Setup::http(plugin.field("reload_config", backoff)));
    drop(proxy.get("/").send());
    let first = crash(&proxy);
    let status = wait_until_served(&proxy);
    let fresh = proxy.reports().last().cloned().unwrap_or_default();
    // The interval begins with the load, so there is none to spare now.
    let second = crash(&proxy);
    let at_once = proxy.get("/").send().status;
    let stat = |name: &str| {
        let value = proxy.stat(&format!("wasm.guest.vm_{name}"));
        value.unwrap_or_else(|| "none".to_owned())
    };
    let backoff = if stat("reload_backoff") == "0" {
        "0"
    } else {
        "some"
    };
    format!(
        "{first}, fresh: {status} {fresh}, again: {second} {at_once}, \
         success={} failure={} backoff={backoff} reload={}",
        stat("reload_success"),
        stat("reload_failure"),
        stat("reload"),
    )
}

fn wait_until_served(proxy: &Running) -> u16 {
    let deadline = Instant::now() + LIMIT;
    loop {
        let status = proxy.get("/").send().status;
        if status == 200 || Instant::now() > deadline {
            return status;
        }
        thread::sleep(BETWEEN);
    }
}
