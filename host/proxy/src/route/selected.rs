//! `RouteEntry` and `SelectedRoute`: one configured route, and what a request gets of it.

use std::rc::Rc;
use std::sync::Arc;

use http::StatusCode;
use tollgate_config as config;

use super::RouteTableError;
use super::action::RouteAction;
use super::filter_override::FilterOverrides;
use super::matcher::RouteMatcher;
use super::redirect::Redirect;
use super::rewrite::set_authority;
use crate::filter::{HeaderTable, LocalReply, StreamState};
use crate::http::header_mutation::HeaderMutations;

/// Returns the names of the headers that decide whether a request has this route, and which cluster.
pub(super) fn headers_read(route: &config::Route) -> impl Iterator<Item = String> {
    let matched = route.matches.headers.iter().map(|matcher| &*matcher.name);
    let kind = route.matches.grpc.then_some("content-type");
    let cluster = match &route.action {
        config::RouteActionKind::Route(config::RouteAction {
            cluster: config::ClusterSpecifier::ClusterHeader(name),
            ..
        }) => Some(&**name),
        _ => None,
    };
    let names = matched.chain(kind).chain(cluster);
    names.map(str::to_ascii_lowercase)
}

/// What a level of the configuration (weighted cluster, route, virtual host, all) adds to a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) request_headers: &'a config::HeaderMutation,
    pub(super) response_headers: &'a config::HeaderMutation,
    pub(super) per_filter: &'a [config::PerFilter],
}

/// One configured route.
#[derive(Debug)]
pub(super) struct RouteEntry {
    matcher: Rc<RouteMatcher>,
    target: Target,
}

/// Where a route leads.
#[derive(Debug)]
enum Target {
    /// One place, or none for answers.
    Fixed(Rc<SelectedRoute>),
    /// The cluster that a header names.
    Header(String, SelectedRoute),
    /// By weight, with the sum of the weights.
    Weighted(Vec<(u64, Rc<SelectedRoute>)>, u64),
}

/// The route that a request has got.
#[derive(Clone, Debug)]
pub(crate) struct SelectedRoute {
    place: Rc<Place>,
    cluster: Option<Arc<str>>,
    action: Rc<RouteAction>,
    matcher: Option<Rc<RouteMatcher>>,
    request_headers: Rc<HeaderMutations>,
    response_headers: Rc<HeaderMutations>,
    overrides: Rc<FilterOverrides>,
}

impl RouteEntry {
    /// Returns an entry; `outer` are the scopes around the route, the nearest first.
    pub(super) fn new(
        route: &config::Route,
        virtual_host: &config::VirtualHost,
        outer: &[&Scope<'_>],
    ) -> Result<Self, RouteTableError> {
        let own = Scope {
            request_headers: &route.request_headers,
            response_headers: &route.response_headers,
            per_filter: &route.per_filter,
        };
        let mut scopes = vec![&own];
        scopes.extend_from_slice(outer);
        let matcher = Rc::new(RouteMatcher::new(&route.matches));
        let builder = Builder {
            place: Rc::new(Place {
                virtual_host: virtual_host.name.clone(),
                virtual_host_metadata: virtual_host.metadata.clone(),
                route: route.name.clone(),
                route_metadata: route.metadata.clone(),
            }),
            action: Rc::new(RouteAction::new(&route.action)),
            matcher: Rc::clone(&matcher),
        };
        let target = match &route.action {
            config::RouteActionKind::Route(action) => builder.target(&action.cluster, &scopes)?,
            config::RouteActionKind::Redirect(_) | config::RouteActionKind::DirectResponse(_) => {
                Target::Fixed(Rc::new(builder.build(None, &scopes)?))
            }
        };
        Ok(Self { matcher, target })
    }

    pub(super) fn accepts(&self, headers: &HeaderTable) -> bool {
        self.matcher.accepts(headers)
    }

    pub(super) fn select(&self, headers: &HeaderTable, random: u64) -> Option<Rc<SelectedRoute>> {
        match &self.target {
            Target::Fixed(route) => Some(Rc::clone(route)),
            Target::Header(name, route) => {
                let cluster = headers.get(name).map(String::from_utf8_lossy);
                Some(Rc::new(SelectedRoute {
                    cluster: Some(cluster.unwrap_or_default().into()),
                    ..route.clone()
                }))
            }
            Target::Weighted(routes, total) => {
                let mut rest = random.checked_rem(*total).unwrap_or_default();
                let chosen = routes.iter().find(|(weight, _)| {
                    let found = rest < *weight;
                    rest = rest.saturating_sub(*weight);
                    found
                });
                chosen.map(|(_, route)| Rc::clone(route))
            }
        }
    }
}

/// Where a route stands in the configuration.
#[derive(Debug, Default)]
struct Place {
    virtual_host: String,
    virtual_host_metadata: config::ProtoMessage,
    route: String,
    route_metadata: config::ProtoMessage,
}

/// The parts that all clusters of a route share.
struct Builder {
    place: Rc<Place>,
    action: Rc<RouteAction>,
    matcher: Rc<RouteMatcher>,
}

impl Builder {
    fn target(
        &self,
        cluster: &config::ClusterSpecifier,
        scopes: &[&Scope<'_>],
    ) -> Result<Target, RouteTableError> {
        match cluster {
            config::ClusterSpecifier::Cluster(name) => Ok(Target::Fixed(Rc::new(
                self.build(Some(name.as_str()), scopes)?,
            ))),
            config::ClusterSpecifier::ClusterHeader(header) => {
                Ok(Target::Header(header.clone(), self.build(None, scopes)?))
            }
            config::ClusterSpecifier::WeightedClusters(clusters) => {
                let total = clusters
                    .iter()
                    .map(|cluster| u64::from(cluster.weight))
                    .sum();
                let routes = clusters.iter().map(|cluster| {
                    let own = Scope {
                        request_headers: &cluster.request_headers,
                        response_headers: &cluster.response_headers,
                        per_filter: &cluster.per_filter,
                    };
                    let mut all = vec![&own];
                    all.extend_from_slice(scopes);
                    let route = self.build(Some(cluster.name.as_str()), &all)?;
                    Ok((u64::from(cluster.weight), Rc::new(route)))
                });
                Ok(Target::Weighted(routes.collect::<Result<_, _>>()?, total))
            }
        }
    }

    /// Builds one selectable route; `scopes` go from the most specific to the widest, which is
    /// also the order in which Envoy applies their header changes.
    fn build(
        &self,
        cluster: Option<&str>,
        scopes: &[&Scope<'_>],
    ) -> Result<SelectedRoute, RouteTableError> {
        let place = || {
            format!(
                "route `{}` of virtual host `{}`",
                self.place.route, self.place.virtual_host
            )
        };
        let wrap = |source| RouteTableError {
            place: place(),
            source,
        };
        let request: Vec<_> = scopes.iter().map(|scope| scope.request_headers).collect();
        let response: Vec<_> = scopes.iter().map(|scope| scope.response_headers).collect();
        let per_filter: Vec<_> = scopes.iter().map(|scope| scope.per_filter).collect();
        Ok(SelectedRoute {
            place: Rc::clone(&self.place),
            cluster: cluster.map(Arc::from),
            action: Rc::clone(&self.action),
            matcher: Some(Rc::clone(&self.matcher)),
            request_headers: Rc::new(HeaderMutations::new(&request).map_err(wrap)?),
            response_headers: Rc::new(HeaderMutations::new(&response).map_err(wrap)?),
            overrides: Rc::new(FilterOverrides::new(&per_filter)),
        })
    }
}

impl SelectedRoute {
    /// Returns a route without changes of its own.
    pub(super) fn bare(virtual_host: &str, action: RouteAction) -> Self {
        Self {
            place: Rc::new(Place {
                virtual_host: virtual_host.to_owned(),
                ..Place::default()
            }),
            cluster: None,
            action: Rc::new(action),
            matcher: None,
            request_headers: Rc::default(),
            response_headers: Rc::default(),
            overrides: Rc::default(),
        }
    }

    /// Returns the name of the virtual host.
    #[must_use]
    pub(crate) fn virtual_host(&self) -> &str {
        &self.place.virtual_host
    }

    /// Returns the metadata of the virtual host.
    #[must_use]
    pub(crate) fn virtual_host_metadata(&self) -> &config::ProtoMessage {
        &self.place.virtual_host_metadata
    }

    /// Returns the route's name, which may be empty.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.place.route
    }

    /// Returns the route's metadata.
    #[must_use]
    pub(crate) fn metadata(&self) -> &config::ProtoMessage {
        &self.place.route_metadata
    }

    /// Returns the cluster's name, if the route leads to one. It may not exist: a header may have
    /// named it.
    #[must_use]
    pub(crate) fn cluster_name(&self) -> Option<&Arc<str>> {
        self.cluster.as_ref()
    }

    /// Returns what the route does.
    #[must_use]
    pub(crate) fn action(&self) -> &RouteAction {
        &self.action
    }

    /// Returns whether a filter is off on this route; `None` when the chain's setting counts.
    #[must_use]
    pub(crate) fn filter_disabled(&self, filter: &str) -> Option<bool> {
        self.overrides.disabled(filter)
    }

    /// Changes the request headers as the route asks before the request goes upstream: header
    /// changes first, which therefore see the original path and authority, then the rewrites.
    pub(crate) fn finalize_request(&self, state: &StreamState, suppress_envoy_headers: bool) {
        self.request_headers.apply(state, &state.request_headers);
        let RouteAction::Forward(forward) = &*self.action else {
            return;
        };
        let mut headers = state.request_headers.borrow_mut();
        if let Some(rewrite) = &forward.host_rewrite
            && let Some(authority) = rewrite.authority(&headers)
        {
            set_authority(&mut headers, &authority, !suppress_envoy_headers);
        }
        self.rewrite_path(&mut headers, suppress_envoy_headers);
    }

    /// Makes the endpoint's name the authority if the route has `auto_host_rewrite`.
    pub(crate) fn rewrite_host_to(
        &self,
        state: &StreamState,
        hostname: &str,
        suppress_envoy_headers: bool,
    ) {
        if !matches!(&*self.action, RouteAction::Forward(forward) if forward.has_auto_host_rewrite())
        {
            return;
        }
        let mut headers = state.request_headers.borrow_mut();
        set_authority(&mut headers, hostname.as_bytes(), !suppress_envoy_headers);
    }

    /// Returns whether the route asks for changes of the response, which may tell of the request.
    pub(crate) fn changes_response(&self) -> bool {
        !self.response_headers.is_empty()
    }

    /// Changes response headers as the route asks. Envoy does so for the upstream's response and
    /// for every local reply of a stream that has a route.
    pub(crate) fn finalize_response(&self, state: &StreamState) {
        self.response_headers.apply_to_response(state);
    }

    /// Returns the answer of a redirect or a direct response, with its `location`.
    pub(crate) fn direct_reply(
        &self,
        state: &StreamState,
        suppress_envoy_headers: bool,
    ) -> Option<LocalReply> {
        match &*self.action {
            RouteAction::Forward(_) => None,
            RouteAction::Redirect(redirect) => {
                let mut headers = state.request_headers.borrow_mut();
                self.rewrite_path(&mut headers, suppress_envoy_headers);
                let location = redirect.location(&headers);
                let reply = LocalReply::new(redirect.status, "", "direct_response");
                Some(reply.with_header("location", location))
            }
            RouteAction::DirectResponse(response) => {
                let body = response.body.clone();
                let reply = LocalReply::new(response.status, body, "direct_response");
                // Envoy names the place of what it says was created or is elsewhere: here.
                let is_placed =
                    response.status == StatusCode::CREATED || response.status.is_redirection();
                if !is_placed {
                    return Some(reply);
                }
                let location = Redirect::default().location(&state.request_headers.borrow());
                Some(reply.with_header("location", location))
            }
        }
    }

    fn rewrite_path(&self, headers: &mut HeaderTable, suppress_envoy_headers: bool) {
        let rewrite = match &*self.action {
            RouteAction::Forward(forward) => forward.path_rewrite.as_ref(),
            RouteAction::Redirect(redirect) => redirect.path_rewrite.as_ref(),
            RouteAction::DirectResponse(_) => None,
        };
        let (Some(rewrite), Some(matcher)) = (rewrite, &self.matcher) else {
            return;
        };
        let original = headers.path().to_vec();
        let rewritten = rewrite.apply(&original, |path| matcher.matched_len(path));
        if !suppress_envoy_headers {
            headers.replace(b"x-envoy-original-path", &original);
        }
        headers.set_path(&rewritten);
    }
}
