//! `/tollgate/reload` and `/tollgate/generations`: what is served, and how it came to be.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::query::Query;
use super::reply::Reply;
use super::server_info::timestamp;
use super::state::AdminContext;
use crate::generation::{Attempt, Changes, Generation, ReloadError, ReloadReport, Trigger};

/// Reloads, and answers when the new generation serves or is refused.
pub(super) async fn reload(context: Arc<AdminContext>) -> Reply {
    match context.reloads.ask_and_wait(Trigger::Admin).await {
        Ok(report) => Reply::json(&report_json(&report)),
        Err(error) => {
            let mut body = error_json(&error);
            if let (Some(fields), Some(current)) = (body.as_object_mut(), context.generation()) {
                fields.insert("generation".to_owned(), json!(current.id().number()));
            }
            Reply {
                status: status(&error),
                ..Reply::json(&body)
            }
        }
    }
}

/// `/tollgate/generations`.
pub(super) fn page(context: &AdminContext, _query: &Query) -> Reply {
    let current = context.generation().map(|current| current.id());
    let alive = context.generations.alive();
    let generation = |generation: &Arc<Generation>| {
        json!({
            "generation": generation.id().number(),
            "state": if Some(generation.id()) == current { "SERVING" } else { "DRAINING" },
            "since": timestamp(generation.since()),
            "streams_active": generation.active_streams(),
            "streams_started": generation.started_streams(),
            "faults": generation.faults().load(Ordering::Relaxed),
        })
    };
    let attempts = context.reloads.attempts();
    Reply::json(&json!({
        "generation": current.map(|current| current.number()),
        "generations": alive.iter().map(generation).collect::<Vec<_>>(),
        "reloads": attempts.iter().rev().map(attempt_json).collect::<Vec<_>>(),
    }))
}

fn attempt_json(attempt: &Attempt) -> Value {
    let mut told = match &attempt.result {
        Ok(report) => report_json(report),
        Err(error) => error_json(error),
    };
    if let Some(fields) = told.as_object_mut() {
        let at: SystemTime = attempt.at;
        fields.insert("at".to_owned(), json!(timestamp(at)));
        fields.insert("trigger".to_owned(), json!(attempt.trigger.name()));
    }
    told
}

fn report_json(report: &ReloadReport) -> Value {
    json!({
        "generation": report.generation.number(),
        "changed": report.is_new,
        "took_ms": u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        "listeners": changes_json(&report.listeners),
        "clusters": changes_json(&report.clusters),
        "plugins": changes_json(&report.plugins),
        "notes": report.notes,
    })
}

fn changes_json(changes: &Changes) -> Value {
    json!({
        "added": changes.added,
        "removed": changes.removed,
        "changed": changes.changed,
    })
}

fn error_json(error: &ReloadError) -> Value {
    let faults = match error {
        ReloadError::Configuration(faults) => faults.clone(),
        ReloadError::Refused(_)
        | ReloadError::TakenBack { .. }
        | ReloadError::Ending
        | ReloadError::NoSource => vec![error.to_string()],
    };
    json!({ "error": error.to_string(), "faults": faults })
}

fn status(error: &ReloadError) -> u16 {
    match error {
        ReloadError::Configuration(_) | ReloadError::Refused(_) => 400,
        ReloadError::TakenBack { .. } | ReloadError::Ending => 503,
        ReloadError::NoSource => 501,
    }
}
