//! `RouteConfiguration`: which cluster answers which request, and what is changed on the way.

use std::time::Duration;

use bytes::Bytes;
use regex::bytes::Regex;

use crate::ProtoMessage;

/// The routes of a connection manager.
#[derive(Clone, Debug)]
pub struct RouteConfiguration {
    /// Name; may be empty.
    pub name: String,
    /// Hosts in order of the file; domains are unique among them.
    pub virtual_hosts: Vec<VirtualHost>,
    /// Changes to request headers, applied last.
    pub request_headers: HeaderMutation,
    /// Changes to response headers, applied last.
    pub response_headers: HeaderMutation,
    /// Overrides for filters.
    pub per_filter: Vec<PerFilter>,
}

impl PartialEq for RouteConfiguration {
    /// Compares all there is as it is shown: patterns can be compared only as the text they were.
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

/// The routes of some domains.
#[derive(Clone, Debug)]
pub struct VirtualHost {
    /// Name.
    pub name: String,
    /// Domains in lower case: exact, `*.suffix`, `prefix.*` or `*`.
    pub domains: Vec<String>,
    /// Routes; the first match wins.
    pub routes: Vec<Route>,
    /// Changes to request headers.
    pub request_headers: HeaderMutation,
    /// Changes to response headers.
    pub response_headers: HeaderMutation,
    /// Overrides for filters.
    pub per_filter: Vec<PerFilter>,
    /// Whether plain HTTP is redirected to HTTPS (`require_tls: ALL`).
    pub require_tls: bool,
    /// `metadata`, which plugins can read.
    pub metadata: ProtoMessage,
}

/// One route.
#[derive(Clone, Debug)]
pub struct Route {
    /// Name; may be empty.
    pub name: String,
    /// Which requests it is for.
    pub matches: RouteMatch,
    /// What happens to them.
    pub action: RouteActionKind,
    /// Changes to request headers, applied first.
    pub request_headers: HeaderMutation,
    /// Changes to response headers, applied first.
    pub response_headers: HeaderMutation,
    /// Overrides for filters.
    pub per_filter: Vec<PerFilter>,
    /// `metadata`, which plugins can read.
    pub metadata: ProtoMessage,
}

/// Criteria of a route; all must hold.
#[derive(Clone, Debug)]
pub struct RouteMatch {
    /// The path.
    pub path: PathMatch,
    /// Whether letter case matters in the path.
    pub case_sensitive: bool,
    /// Headers, pseudo-headers included.
    pub headers: Vec<HeaderMatcher>,
    /// Query parameters.
    pub query_parameters: Vec<QueryParameterMatcher>,
    /// Whether only gRPC requests match.
    pub grpc: bool,
}

/// How the path is matched. Queries do not take part, except in a prefix that contains `?`.
#[derive(Clone, Debug)]
pub enum PathMatch {
    /// Begins with.
    Prefix(String),
    /// Equals.
    Path(String),
    /// Matches entirely.
    SafeRegex(Regex),
    /// Equals, or begins with it followed by `/`.
    PathSeparatedPrefix(String),
}

/// A condition on one header.
#[derive(Clone, Debug)]
pub struct HeaderMatcher {
    /// Name in lower case.
    pub name: String,
    /// Condition on its values joined by commas; `None` asks for presence only.
    pub value: Option<StringMatcher>,
    /// With no value condition: whether the header must be present or absent.
    pub present: bool,
    /// Whether the result is turned round.
    pub invert: bool,
    /// Whether a missing header counts as an empty one.
    pub treat_missing_as_empty: bool,
}

/// A condition on one query parameter.
#[derive(Clone, Debug)]
pub struct QueryParameterMatcher {
    /// Name.
    pub name: String,
    /// Condition on its value; `None` asks for presence only.
    pub value: Option<StringMatcher>,
}

/// `envoy.type.matcher.v3.StringMatcher`. With `ignore_case`, text is kept in lower case and the
/// subject is to be lowered.
#[derive(Clone, Debug)]
pub enum StringMatcher {
    /// Equals.
    Exact {
        /** Text. */
        text: String,
        /** Letter case is ignored. */
        ignore_case: bool,
    },
    /// Begins with.
    Prefix {
        /** Text. */
        text: String,
        /** Letter case is ignored. */
        ignore_case: bool,
    },
    /// Ends with.
    Suffix {
        /** Text. */
        text: String,
        /** Letter case is ignored. */
        ignore_case: bool,
    },
    /// Contains.
    Contains {
        /** Text. */
        text: String,
        /** Letter case is ignored. */
        ignore_case: bool,
    },
    /// Matches entirely.
    SafeRegex(Regex),
}

/// What a route does with a request.
#[derive(Clone, Debug)]
pub enum RouteActionKind {
    /// Sends it to a cluster.
    Route(RouteAction),
    /// Sends the client elsewhere.
    Redirect(Redirect),
    /// Answers at once.
    DirectResponse(DirectResponse),
}

/// `route`.
#[derive(Clone, Debug)]
pub struct RouteAction {
    /// Where to.
    pub cluster: ClusterSpecifier,
    /// Time from the end of the request to the end of the response; by default 15 seconds, `None`
    /// for no limit.
    pub timeout: Option<Duration>,
    /// Overrides the manager's stream idle timeout: `Some(None)` disables it.
    pub idle_timeout: Option<Option<Duration>>,
    /// Change of the path.
    pub path_rewrite: Option<PathRewrite>,
    /// Change of the authority.
    pub host_rewrite: Option<HostRewrite>,
    /// Upgrade types allowed or forbidden here, over the manager's.
    pub upgrade_types: Vec<(String, bool)>,
}

/// Which cluster a route uses.
#[derive(Clone, Debug)]
pub enum ClusterSpecifier {
    /// One by name.
    Cluster(String),
    /// The one that a request header names, in lower case.
    ClusterHeader(String),
    /// By weight; the weights' sum is above zero.
    WeightedClusters(Vec<WeightedCluster>),
}

/// One of several clusters.
#[derive(Clone, Debug)]
pub struct WeightedCluster {
    /// Name.
    pub name: String,
    /// Share of requests.
    pub weight: u32,
    /// Changes to request headers.
    pub request_headers: HeaderMutation,
    /// Changes to response headers.
    pub response_headers: HeaderMutation,
    /// Overrides for filters.
    pub per_filter: Vec<PerFilter>,
}

/// A change of the path before it is sent upstream.
#[derive(Clone, Debug)]
pub enum PathRewrite {
    /// Replaces the part that matched.
    Prefix(String),
    /// Replaces matches; `substitution` uses `\1` as RE2 does.
    Regex {
        /// Pattern.
        pattern: Regex,
        /// Replacement.
        substitution: String,
    },
}

/// A change of the authority before it is sent upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRewrite {
    /// This text.
    Literal(String),
    /// The name of the endpoint (`STRICT_DNS`).
    Auto,
    /// The value of a request header.
    Header(String),
}

/// `redirect`.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// New scheme, `https` for `https_redirect`.
    pub scheme: Option<String>,
    /// New host.
    pub host: Option<String>,
    /// New port.
    pub port: Option<u16>,
    /// New path and query.
    pub path: Option<String>,
    /// Replaces the part that matched.
    pub prefix_rewrite: Option<String>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Whether the query is dropped.
    pub strip_query: bool,
}

/// `direct_response`.
#[derive(Clone, Debug)]
pub struct DirectResponse {
    /// Status, 200 to 599.
    pub status: u16,
    /// Body, already read from its source.
    pub body: Bytes,
}

/// Headers to add and remove. Removal comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderMutation {
    /// Names in lower case.
    pub remove: Vec<String>,
    /// Name in lower case, value with Envoy's `%COMMAND%` operators, and how to add it.
    pub add: Vec<(String, String, HeaderAppendAction)>,
}

/// `append_action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderAppendAction {
    /// Adds one more value.
    AppendIfExistsOrAdd,
    /// Adds when there is none.
    AddIfAbsent,
    /// Replaces all values.
    OverwriteIfExistsOrAdd,
    /// Replaces only when there are values.
    OverwriteIfExists,
}

/// `typed_per_filter_config` of one filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerFilter {
    /// The filter's name in the chain.
    pub name: String,
    /// Whether the filter is off here; `false` turns on one that is disabled in the chain.
    pub disabled: bool,
}
