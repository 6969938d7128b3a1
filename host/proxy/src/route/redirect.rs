//! Redirect: where a client is sent instead.

use std::rc::Rc;

use http::StatusCode;
use tollgate_config as config;

use super::action::RouteAction;
use super::rewrite::PathRewrite;
use super::selected::SelectedRoute;
use crate::filter::HeaderTable;

/// Where a client is sent: what is not given here is taken from the request.
#[derive(Debug)]
pub(crate) struct Redirect {
    /// Status, 301 unless configured.
    pub(crate) status: StatusCode,
    pub(super) path_rewrite: Option<PathRewrite>,
    scheme: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    path: Option<String>,
    strip_query: bool,
}

impl Default for Redirect {
    fn default() -> Self {
        Self {
            status: StatusCode::MOVED_PERMANENTLY,
            path_rewrite: None,
            scheme: None,
            host: None,
            port: None,
            path: None,
            strip_query: false,
        }
    }
}

impl Redirect {
    pub(super) fn new(redirect: &config::Redirect) -> Self {
        let rewrite = redirect.prefix_rewrite.clone();
        let status = StatusCode::from_u16(redirect.status);
        Self {
            status: status.unwrap_or(StatusCode::MOVED_PERMANENTLY),
            path_rewrite: rewrite
                .map(|prefix| PathRewrite::new(&config::PathRewrite::Prefix(prefix))),
            scheme: redirect.scheme.clone(),
            host: redirect.host.clone(),
            port: redirect.port,
            path: redirect.path.clone(),
            strip_query: redirect.strip_query,
        }
    }

    /// Returns the value of `location`. A prefix rewrite has changed the request's path before.
    pub(super) fn location(&self, headers: &HeaderTable) -> Vec<u8> {
        let scheme = match &self.scheme {
            Some(scheme) => scheme.as_bytes(),
            None => headers.scheme(),
        };
        let mut location = scheme.to_vec();
        location.extend_from_slice(b"://");
        match &self.host {
            Some(host) => location.extend_from_slice(host.as_bytes()),
            None => location.extend_from_slice(self.request_host(headers, scheme)),
        }
        if let Some(port) = self.port {
            location.extend_from_slice(format!(":{port}").as_bytes());
        }
        location.extend_from_slice(&self.new_path(headers.path()));
        location
    }

    /// The request's host loses its port when there is a new one, or when the scheme changes and
    /// the port was the old scheme's.
    fn request_host<'a>(&self, headers: &'a HeaderTable, new_scheme: &[u8]) -> &'a [u8] {
        let host = headers.authority();
        let (name, port) = split_port(host);
        let old_scheme = headers.get("x-forwarded-proto").unwrap_or_default();
        let is_old_default = match old_scheme {
            b"http" => port == b":80",
            b"https" => port == b":443",
            _ => false,
        };
        let drops_port = self.port.is_some() || (new_scheme != old_scheme && is_old_default);
        if drops_port { name } else { host }
    }

    /// A query written in the new path wins over the request's, and is never stripped.
    fn new_path(&self, request_path: &[u8]) -> Vec<u8> {
        let question = request_path.iter().position(|byte| *byte == b'?');
        let (path, query) = request_path
            .split_at_checked(question.unwrap_or(request_path.len()))
            .unwrap_or((request_path, b""));
        let query = if self.strip_query { b"" } else { query };
        match &self.path {
            Some(new) if new.contains('?') => new.clone().into_bytes(),
            Some(new) => [new.as_bytes(), query].concat(),
            None => [path, query].concat(),
        }
    }
}

/// Splits a host at the colon of its port, brackets of IPv6 addresses minded.
fn split_port(host: &[u8]) -> (&[u8], &[u8]) {
    let colon = if host.first() == Some(&b'[') {
        let bracket = host.windows(2).rposition(|pair| pair == b"]:");
        bracket.map(|bracket| bracket + 1)
    } else {
        host.iter().rposition(|byte| *byte == b':')
    };
    host.split_at_checked(colon.unwrap_or(host.len()))
        .unwrap_or((host, b""))
}

/// The route of plain requests to a host that wants TLS for everything.
#[derive(Debug)]
pub(super) struct HttpsRedirect(Rc<SelectedRoute>);

impl HttpsRedirect {
    pub(super) fn new(virtual_host: &str) -> Self {
        let action = RouteAction::Redirect(Redirect {
            scheme: Some("https".to_owned()),
            ..Redirect::default()
        });
        Self(Rc::new(SelectedRoute::bare(virtual_host, action)))
    }

    pub(super) fn route(&self) -> Rc<SelectedRoute> {
        Rc::clone(&self.0)
    }
}
