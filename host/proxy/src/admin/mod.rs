//! The admin interface, in Envoy's shapes.
//!
//! The one decision to know: it has a thread and a runtime of its own and reads only what all
//! workers share, so that nobody who looks at a worker slows it down.

mod clusters;
mod config_dump;
mod faults;
mod generations;
mod help;
mod listeners;
mod query;
mod reply;
mod server;
mod server_info;
mod state;
mod stats;
#[cfg(test)]
mod tests;

pub(crate) use server::{Admin, BoundAdmin};
pub(crate) use state::{AdminContext, ServerState, StateCell};

use std::sync::Arc;

use http::Method;
use query::Query;
use reply::Reply;

/// A page.
struct Page {
    path: &'static str,
    /// Whether it changes something and wants a POST.
    is_action: bool,
    /// What `/help` says about it, and about its parameters.
    help: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    answer: fn(&AdminContext, &Query) -> Reply,
}

const FORMAT: (&str, &str) = ("format", "File format to use; One of (text, json)");
const FILTER: (&str, &str) = (
    "filter",
    "Regular expression (Google re2) for filtering stats",
);
const USED_ONLY: (&str, &str) = (
    "usedonly",
    "Only include stats that have been written by system since restart",
);

/// The pages by path.
const PAGES: &[Page] = &[
    Page::info("/", "Admin home page", &[], help::home),
    Page::info(
        "/clusters",
        "upstream cluster status",
        &[FORMAT],
        clusters::page,
    ),
    Page::info(
        "/config_dump",
        "dump current configs",
        &[("resource", "The resource to dump")],
        config_dump::page,
    ),
    Page::action(
        "/healthcheck/fail",
        "cause the server to fail health checks",
        state::fail,
    ),
    Page::action(
        "/healthcheck/ok",
        "cause the server to pass health checks",
        state::pass,
    ),
    Page::info("/help", "print out list of admin commands", &[], help::page),
    Page::info(
        "/listeners",
        "print listener info",
        &[FORMAT],
        listeners::page,
    ),
    Page::action("/quitquitquit", "exit the server", state::quit),
    Page::info(
        "/ready",
        "print server state, return 200 if LIVE, otherwise return 503",
        &[],
        state::ready,
    ),
    Page::action("/reopen_logs", "reopen access logs", state::reopen_logs),
    Page::action(
        "/reset_counters",
        "reset all counters to zero",
        stats::reset_counters,
    ),
    Page::info(
        "/server_info",
        "print server version/status information",
        &[],
        server_info::page,
    ),
    Page::info(
        "/stats",
        "print server stats",
        &[
            USED_ONLY,
            FILTER,
            ("format", "Format to use; One of (text, json, prometheus)"),
            (
                "type",
                "Stat types to include.; One of (All, Counters, Histograms, Gauges, TextReadouts)",
            ),
        ],
        stats::page,
    ),
    Page::info(
        "/stats/prometheus",
        "print server stats in prometheus format",
        &[USED_ONLY, FILTER],
        stats::prometheus,
    ),
    Page::info(
        "/tollgate/faults",
        "print faults of plugins, grouped",
        &[FORMAT],
        faults::page,
    ),
    Page::info(
        "/tollgate/generations",
        "print what is served, what still drains, and the last reloads",
        &[],
        generations::page,
    ),
    Page {
        path: RELOAD,
        is_action: true,
        help: "read the configuration again and serve it; answers when it is served or refused",
        parameters: &[],
        // Answered by `answer_request`, which can wait.
        answer: generations::page,
    },
];

impl Page {
    const fn info(
        path: &'static str,
        help: &'static str,
        parameters: &'static [(&'static str, &'static str)],
        answer: fn(&AdminContext, &Query) -> Reply,
    ) -> Self {
        Self {
            path,
            is_action: false,
            help,
            parameters,
            answer,
        }
    }

    const fn action(
        path: &'static str,
        help: &'static str,
        answer: fn(&AdminContext, &Query) -> Reply,
    ) -> Self {
        Self {
            path,
            is_action: true,
            help,
            parameters: &[],
            answer,
        }
    }
}

/// The page that takes its time.
const RELOAD: &str = "/tollgate/reload";

/// Answers a request, and waits where that takes time.
async fn answer_request(
    context: Arc<AdminContext>,
    method: Method,
    path: String,
    query: Option<String>,
) -> Reply {
    if path == RELOAD && method == Method::POST {
        return generations::reload(context).await;
    }
    answer(&context, &method, &path, query.as_deref())
}

/// Answers a request that is answered at once.
fn answer(context: &AdminContext, method: &Method, path: &str, query: Option<&str>) -> Reply {
    let Some(page) = PAGES.iter().find(|page| page.path == path) else {
        return help::not_found();
    };
    if page.is_action && method != Method::POST {
        let text = format!("Method {method} not allowed, POST required.");
        return Reply::text(405, text);
    }
    (page.answer)(context, &Query::new(query.unwrap_or_default()))
}
