//! `/tollgate/faults`.

use serde_json::{Value, json};

use super::query::Query;
use super::reply::Reply;
use super::server_info::timestamp;
use super::state::AdminContext;
use crate::wasm::{FaultGroup, FaultSample, HostcallRecord, SourceFrame};

pub(super) fn page(context: &AdminContext, query: &Query) -> Reply {
    let groups = context.faults.groups();
    let unexamined = context.faults.unexamined();
    if query.get("format") == Some("text") {
        return Reply::text(200, text(&groups, unexamined));
    }
    let groups: Vec<Value> = groups.iter().map(group).collect();
    Reply::json(&json!({ "groups": groups, "unexamined": unexamined }))
}

fn text(groups: &[FaultGroup], unexamined: u64) -> String {
    let mut text = String::new();
    for group in groups {
        let (first, last) = (timestamp(group.first_seen), timestamp(group.last_seen));
        text.push_str(&format!("{group}\n  first {first}, last {last}\n\n"));
    }
    if unexamined > 0 {
        text.push_str(&format!(
            "{unexamined} more came too fast to be looked at\n"
        ));
    } else if groups.is_empty() {
        text.push_str("no faults\n");
    }
    text
}

fn group(group: &FaultGroup) -> Value {
    let first = group.samples.first().map(|sample| &sample.fault);
    let frames: Vec<Value> = group.frames.iter().map(frame).collect();
    let samples: Vec<Value> = group.samples.iter().map(sample).collect();
    json!({
        "fingerprint": group.fingerprint.to_string(),
        "plugin": first.map(|fault| &fault.plugin),
        "callback": first.map(|fault| fault.callback),
        "kind": first.map(|fault| fault.kind.name()),
        "message": first.map(|fault| &fault.message),
        "place": group.place(),
        "count": group.count,
        "first_seen": timestamp(group.first_seen),
        "last_seen": timestamp(group.last_seen),
        "frames": frames,
        "samples": samples,
        "bundles": group.bundles,
        "coredumps": group.coredumps,
    })
}

fn frame(frame: &SourceFrame) -> Value {
    json!({
        "function": frame.function,
        "file": frame.file,
        "line": frame.line,
        "column": frame.column,
        "module_offset": frame.module_offset,
        "is_inlined": frame.is_inlined,
        "is_in_app": frame.is_in_app(),
    })
}

fn sample(sample: &FaultSample) -> Value {
    let fault = &sample.fault;
    let hostcalls: Vec<Value> = fault.details.hostcalls.iter().map(hostcall).collect();
    json!({
        "at": timestamp(sample.at),
        "context": fault.context.0,
        "request_id": fault.details.request_id,
        "last_words": fault.details.last_words,
        "hostcalls": hostcalls,
    })
}

fn hostcall(call: &HostcallRecord) -> Value {
    json!({
        "name": call.name,
        "arguments": call.arguments,
        "outcome": call.outcome,
        "is_earlier": call.is_earlier,
    })
}
