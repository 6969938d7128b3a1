//! Reads real `envoy.yaml` files into checked, plain structs.
//!
//! A file goes through three stages: Envoy's own schema, by descriptors (what Envoy refuses is
//! refused, with `file:line path: reason`); the subset that Tollgate implements (what is valid but
//! not implemented is refused or, on request, reported); and the structs below, which need no
//! further checks. Names and units are Envoy's. Which fields are implemented is listed in
//! `src/subset/fields.txt`.
//!
//! ```
//! use tollgate_config::{LoadOptions, parse};
//!
//! let text = "
//! static_resources:
//!   clusters:
//!     - name: origin
//!       conect_timeout: 1s
//! ";
//! let errors = parse(text, "envoy.yaml", &LoadOptions::default()).unwrap_err();
//! assert_eq!(
//!     errors.to_string(),
//!     "envoy.yaml:5 static_resources.clusters[0].conect_timeout: no such field in \
//!      envoy.config.cluster.v3.Cluster; did you mean `connect_timeout`?"
//! );
//! ```
#![forbid(unsafe_code)]

mod access_log;
mod bootstrap;
mod build;
mod cluster;
mod data_source;
mod discovery;
mod dump;
mod error;
mod file;
mod http_connection_manager;
mod listener;
mod plugin;
mod proto_message;
mod report;
mod route_configuration;
mod schema;
mod settings;
mod subset;
mod tcp_proxy;
mod tls;
mod view;
mod yaml;

use std::path::Path;

pub use access_log::{AccessLog, AccessLogSink, TextAccessLog};
pub use bootstrap::{Bootstrap, Node, WasmService};
pub use cluster::{
    Cluster, ClusterDiscovery, DnsLookupFamily, Endpoint, EndpointAttributes, HostAddress,
    LbPolicy, UpstreamProtocol,
};
pub use data_source::DataSource;
pub use discovery::{DiscoveredFilter, Discovery, DiscoveryRefusal};
pub use error::{ConfigError, ConfigErrors, ErrorKind};
pub use file::FileStamp;
pub use http_connection_manager::{
    CodecType, HttpConnectionManager, HttpFilter, HttpFilterKind, ServerHeaderTransformation,
};
pub use listener::{FilterChain, FilterChainMatch, Listener, NetworkFilter};
pub use plugin::{FailurePolicy, PluginConfig, ReloadConfig, VmConfig};
pub use proto_message::{ProtoMessage, ProtoPathError, ProtoValue};
pub use route_configuration::{
    ClusterSpecifier, DirectResponse, HeaderAppendAction, HeaderMatcher, HeaderMutation,
    HostRewrite, PathMatch, PathRewrite, PerFilter, QueryParameterMatcher, Redirect, Route,
    RouteAction, RouteActionKind, RouteConfiguration, RouteMatch, StringMatcher, VirtualHost,
    WeightedCluster,
};
pub use settings::{
    BreakerSettings, CompileCache, DiagnosisSettings, Isolation, LimitSettings, PluginSettings,
    ReloadSettings, RollbackSettings, Settings,
};
pub use tcp_proxy::{TcpCluster, TcpProxy};
pub use tls::{Certificate, DownstreamTls, UpstreamTls};

/// How strictly a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Warns about what is valid for Envoy but not implemented, and goes on without it.
    pub ignore_unsupported: bool,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it configures.
    pub bootstrap: Bootstrap,
    /// What it says without effect.
    pub warnings: Vec<ConfigError>,
}

/// Reads a file, as Envoy does: `.json` as JSON, everything else as YAML.
///
/// # Errors
///
/// When the file cannot be read, is not what Envoy would accept, or, unless `options` allow it,
/// configures something that Tollgate does not implement. As many faults as possible are named.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, ConfigErrors> {
    let file_name = path.display().to_string();
    let text = file::read(path).map_err(|reason| ConfigError {
        file: file_name.clone(),
        line: None,
        path: String::new(),
        reason,
        kind: ErrorKind::Schema,
    })?;
    parse(&text, &file_name, options)
}

/// Reads the text of a file; `file_name` decides the syntax as in [`load`] and appears in errors.
///
/// # Errors
///
/// As [`load`].
pub fn parse(text: &str, file_name: &str, options: &LoadOptions) -> Result<Loaded, ConfigErrors> {
    let report = report::Report::new(file_name, options.ignore_unsupported);
    let message = "envoy.config.bootstrap.v3.Bootstrap";
    let reading = read_message(text, file_name, message, &report, build::bootstrap);
    let discoveries = report.discoveries();
    let (errors, warnings) = report.into_parts();
    match (ConfigErrors::from_list(errors), reading?) {
        (None, Reading::Built(bootstrap)) => Ok(Loaded {
            bootstrap,
            warnings,
        }),
        (errors, _) => {
            let errors = errors.unwrap_or_else(|| no_result(file_name));
            Err(errors.after(discoveries))
        }
    }
}

/// How far the stages have come.
enum Reading<T> {
    /// The text is no message of that name.
    NotRead,
    /// It is one that breaks Envoy's rules.
    Invalid,
    /// There is a result, perhaps with errors about parts of it.
    Built(T),
}

/// Runs the stages for a message of this name; each adds to `report` what it finds.
fn read_message<T>(
    text: &str,
    file_name: &str,
    message: &str,
    report: &report::Report,
    build: impl FnOnce(&view::View<'_>) -> T,
) -> Result<Reading<T>, ConfigError> {
    let descriptor = schema::descriptor(message)?;
    let document = match yaml::read(text, yaml::Syntax::of(file_name)) {
        Ok(document) => document,
        Err(fault) => {
            report.error_at(fault.line, "", fault.reason);
            return Ok(Reading::NotRead);
        }
    };
    if matches!(document.root.data, yaml::Data::Null) {
        report.error_at(1, "", "there is nothing in this file");
        return Ok(Reading::NotRead);
    }
    for remark in document.remarks {
        report.warning_at(remark.line, remark.reason);
    }
    let message = schema::decode(&descriptor, &document.root, report);
    if report.has_schema_errors() {
        return Ok(Reading::NotRead);
    }
    let view = view::View::root(&message, report);
    schema::check(&view);
    if report.has_schema_errors() {
        return Ok(Reading::Invalid);
    }
    subset::check(&view);
    Ok(Reading::Built(build(&view)))
}

fn no_result(file_name: &str) -> ConfigErrors {
    let reason = "nothing could be read".to_owned();
    let (line, path, kind) = (None, String::new(), ErrorKind::Schema);
    ConfigError {
        file: file_name.to_owned(),
        line,
        path,
        reason,
        kind,
    }
    .into()
}
