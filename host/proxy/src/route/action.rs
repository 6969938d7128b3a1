//! `RouteAction`: what a selected route does with its request.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tollgate_config as config;

use super::redirect::Redirect;
use super::rewrite::{HostRewrite, PathRewrite};

/// What a route does.
#[derive(Debug)]
pub(crate) enum RouteAction {
    /// Sends the request to a cluster.
    Forward(ForwardTo),
    /// Sends the client elsewhere.
    Redirect(Redirect),
    /// Answers at once.
    DirectResponse(DirectResponse),
}

/// How a request is sent to a cluster.
#[derive(Debug)]
pub(crate) struct ForwardTo {
    /// Time from the end of the request to the end of the response; `None` for no limit.
    pub(crate) timeout: Option<Duration>,
    /// Overrides the manager's stream idle timeout: `Some(None)` disables it.
    pub(crate) idle_timeout: Option<Option<Duration>>,
    pub(super) path_rewrite: Option<PathRewrite>,
    pub(super) host_rewrite: Option<HostRewrite>,
    upgrade_types: Vec<(String, bool)>,
}

/// An answer that the configuration holds.
#[derive(Debug)]
pub(crate) struct DirectResponse {
    /// Status.
    pub(crate) status: StatusCode,
    /// Body.
    pub(crate) body: Bytes,
}

impl RouteAction {
    pub(super) fn new(action: &config::RouteActionKind) -> Self {
        match action {
            config::RouteActionKind::Route(route) => Self::Forward(ForwardTo {
                timeout: route.timeout,
                idle_timeout: route.idle_timeout,
                path_rewrite: route.path_rewrite.as_ref().map(PathRewrite::new),
                host_rewrite: route.host_rewrite.as_ref().map(HostRewrite::new),
                upgrade_types: route.upgrade_types.clone(),
            }),
            config::RouteActionKind::Redirect(redirect) => Self::Redirect(Redirect::new(redirect)),
            config::RouteActionKind::DirectResponse(response) => {
                let status = StatusCode::from_u16(response.status);
                Self::DirectResponse(DirectResponse {
                    status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    body: response.body.clone(),
                })
            }
        }
    }
}

impl ForwardTo {
    /// Returns whether an upgrade such as `websocket` is allowed; `None` when the connection
    /// manager's setting counts.
    #[must_use]
    pub(crate) fn upgrade_allowed(&self, upgrade: &str) -> Option<bool> {
        let mut types = self.upgrade_types.iter();
        let found = types.find(|(name, _)| name.eq_ignore_ascii_case(upgrade));
        found.map(|(_, allowed)| *allowed)
    }

    /// Returns whether the endpoint's name becomes the authority.
    #[must_use]
    pub(crate) fn has_auto_host_rewrite(&self) -> bool {
        matches!(self.host_rewrite, Some(HostRewrite::Auto))
    }
}
