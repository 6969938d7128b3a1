//! Route selection: from a request's head to a route, and what that route does to the messages.
//!
//! The one decision to know: everything that can be known before a request comes is worked out
//! when the table is built, down to one [`SelectedRoute`] for each weighted cluster. Selecting
//! allocates nothing, except for routes that take the cluster's name from a header.

mod action;
mod filter_override;
mod matcher;
mod path;
mod redirect;
mod rewrite;
mod selected;
mod string_match;
#[cfg(test)]
pub(crate) mod tests;
mod virtual_host;

use std::rc::Rc;

use tollgate_config as config;

use crate::filter::HeaderTable;
use crate::http::header_mutation::HeaderMutationError;
use crate::http::normalize::X_FORWARDED_PROTO;

pub(crate) use action::{ForwardTo, RouteAction};
pub(crate) use matcher::is_grpc_request;
pub(crate) use selected::SelectedRoute;

use selected::Scope;
use virtual_host::VirtualHosts;

/// The routes of a connection manager.
#[derive(Debug)]
pub(crate) struct RouteTable {
    hosts: VirtualHosts,
    /// The names of the headers that decide between routes, in lower case, without pseudo-headers.
    /// They are few: compared faster than hashed.
    reads: Vec<String>,
}

/// A route configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {source}")]
pub(crate) struct RouteTableError {
    place: String,
    source: HeaderMutationError,
}

impl RouteTable {
    /// Returns the table of a route configuration.
    ///
    /// # Errors
    ///
    /// When a header's value has a `%COMMAND%` that does not exist.
    pub(crate) fn new(routes: &config::RouteConfiguration) -> Result<Self, RouteTableError> {
        let scope = Scope {
            request_headers: &routes.request_headers,
            response_headers: &routes.response_headers,
            per_filter: &routes.per_filter,
        };
        let hosts = VirtualHosts::new(&routes.virtual_hosts, &scope)?;
        let entries = routes.virtual_hosts.iter().flat_map(|host| &host.routes);
        let mut reads: Vec<_> = entries.flat_map(selected::headers_read).collect();
        reads.push(X_FORWARDED_PROTO.as_str().to_owned());
        reads.sort_unstable();
        reads.dedup();
        Ok(Self { hosts, reads })
    }

    /// Returns whether another value of a header, whose name is in lower case, may mean another route.
    #[must_use]
    pub(crate) fn reads(&self, name: &[u8]) -> bool {
        matches!(name, [b':', ..] | b"host")
            || self.reads.iter().any(|read| read.as_bytes() == name)
    }

    /// Returns the route of a request. `random` chooses among weighted clusters.
    ///
    /// As in Envoy, a request without `x-forwarded-proto` has no route: the connection manager
    /// sets it, so only a filter that removed it can be to blame.
    #[must_use]
    pub(crate) fn select(&self, headers: &HeaderTable, random: u64) -> Option<Rc<SelectedRoute>> {
        let host = self.hosts.find(headers.authority())?;
        host.select(headers, random)
    }
}
