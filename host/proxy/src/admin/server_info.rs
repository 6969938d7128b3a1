//! `/server_info`.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::query::Query;
use super::reply::Reply;
use super::state::AdminContext;
use crate::http::format::iso_time;

pub(super) fn page(context: &AdminContext, _query: &Query) -> Reply {
    let version = env!("CARGO_PKG_VERSION");
    let build = if cfg!(debug_assertions) {
        "DEBUG"
    } else {
        "RELEASE"
    };
    let uptime = format!("{}s", context.started.1.elapsed().as_secs());
    let generation = context.generation();
    let first = generation
        .as_ref()
        .and_then(|current| current.bootstraps().next());
    let node = first.map(|bootstrap| &bootstrap.node);
    let node = node.map_or(Value::Null, |node| {
        json!({
            "id": node.id,
            "cluster": node.cluster,
            "metadata": node.metadata,
            "user_agent_name": "tollgate",
            "user_agent_version": version,
        })
    });
    Reply::json(&json!({
        "version": format!("tollgate/{version}/Clean/{build}/ring"),
        "state": context.state.get().name(),
        "uptime_current_epoch": uptime,
        "uptime_all_epochs": uptime,
        "hot_restart_version": "disabled",
        "command_line_options": {
            "concurrency": context.concurrency,
            "disable_hot_restart": true,
            "mode": "Serve",
            "restart_epoch": 0,
        },
        "node": node,
    }))
}

/// Returns a point in time as protobuf's JSON has it.
pub(super) fn timestamp(time: SystemTime) -> String {
    iso_time(time)
}
