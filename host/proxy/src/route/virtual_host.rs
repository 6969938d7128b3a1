//! `VirtualHosts`: from the authority of a request to the routes of its domain.

use std::collections::HashMap;
use std::rc::Rc;

use tollgate_config as config;

use super::RouteTableError;
use super::redirect::HttpsRedirect;
use super::selected::{RouteEntry, Scope, SelectedRoute};
use crate::filter::HeaderTable;
use crate::http::normalize::X_FORWARDED_PROTO;

/// The virtual hosts of a route configuration by domain.
#[derive(Debug)]
pub(super) struct VirtualHosts {
    hosts: Vec<VirtualHost>,
    /// Whole domains.
    exact: HashMap<Box<[u8]>, usize>,
    /// What follows the `*` of `*.example.com`, the longest first.
    suffixes: Vec<(Box<[u8]>, usize)>,
    /// What precedes the `*` of `example.*`, the longest first.
    prefixes: Vec<(Box<[u8]>, usize)>,
    /// The host of `*`.
    any: Option<usize>,
}

/// The routes of some domains.
#[derive(Debug)]
pub(super) struct VirtualHost {
    routes: Vec<RouteEntry>,
    https_only: Option<HttpsRedirect>,
}

impl VirtualHosts {
    pub(super) fn new(
        hosts: &[config::VirtualHost],
        outer: &Scope<'_>,
    ) -> Result<Self, RouteTableError> {
        let mut table = Self {
            hosts: Vec::with_capacity(hosts.len()),
            exact: HashMap::new(),
            suffixes: Vec::new(),
            prefixes: Vec::new(),
            any: None,
        };
        for (index, host) in hosts.iter().enumerate() {
            table.hosts.push(VirtualHost::new(host, outer)?);
            host.domains
                .iter()
                .for_each(|domain| table.add(domain, index));
        }
        table
            .suffixes
            .sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        table
            .prefixes
            .sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        Ok(table)
    }

    fn add(&mut self, domain: &str, index: usize) {
        let domain = domain.to_ascii_lowercase();
        if domain == "*" {
            self.any = Some(index);
        } else if let Some(suffix) = domain.strip_prefix('*') {
            self.suffixes.push((suffix.as_bytes().into(), index));
        } else if let Some(prefix) = domain.strip_suffix('*') {
            self.prefixes.push((prefix.as_bytes().into(), index));
        } else {
            self.exact.insert(domain.into_bytes().into(), index);
        }
    }

    /// Returns the host of an authority: exact, then the longest suffix, then the longest prefix,
    /// then `*`. A port is part of the text that is compared, as in Envoy.
    pub(super) fn find(&self, authority: &[u8]) -> Option<&VirtualHost> {
        let index = if self.any_is_all() {
            self.any
        } else if authority.iter().any(u8::is_ascii_uppercase) {
            self.index(&authority.to_ascii_lowercase())
        } else {
            self.index(authority)
        };
        self.hosts.get(index?)
    }

    fn any_is_all(&self) -> bool {
        self.exact.is_empty() && self.suffixes.is_empty() && self.prefixes.is_empty()
    }

    fn index(&self, authority: &[u8]) -> Option<usize> {
        // A `*` stands for at least one character.
        let fits = |text: &[u8]| text.len() < authority.len();
        let suffix = |text: &[u8]| fits(text) && authority.ends_with(text);
        let prefix = |text: &[u8]| fits(text) && authority.starts_with(text);
        let found = |list: &[(Box<[u8]>, usize)], accepts: &dyn Fn(&[u8]) -> bool| {
            list.iter()
                .find(|(text, _)| accepts(text))
                .map(|(_, index)| *index)
        };
        self.exact
            .get(authority)
            .copied()
            .or_else(|| found(&self.suffixes, &suffix))
            .or_else(|| found(&self.prefixes, &prefix))
            .or(self.any)
    }
}

impl VirtualHost {
    fn new(host: &config::VirtualHost, outer: &Scope<'_>) -> Result<Self, RouteTableError> {
        let scope = Scope {
            request_headers: &host.request_headers,
            response_headers: &host.response_headers,
            per_filter: &host.per_filter,
        };
        let routes = host.routes.iter();
        let routes = routes.map(|route| RouteEntry::new(route, host, &[&scope, outer]));
        Ok(Self {
            routes: routes.collect::<Result<_, _>>()?,
            https_only: host.require_tls.then(|| HttpsRedirect::new(&host.name)),
        })
    }

    pub(super) fn select(&self, headers: &HeaderTable, random: u64) -> Option<Rc<SelectedRoute>> {
        let scheme = headers
            .get(X_FORWARDED_PROTO.as_str())
            .filter(|scheme| !scheme.is_empty())?;
        if let Some(redirect) = &self.https_only
            && scheme != b"https"
        {
            return Some(redirect.route());
        }
        let mut routes = self.routes.iter();
        routes
            .find(|route| route.accepts(headers))?
            .select(headers, random)
    }
}
