//! Filters whose configuration comes from a file of its own: Envoy's extension configuration
//! discovery (ECDS) with a `path_config_source`.
//!
//! The file holds a `DiscoveryResponse` with one `TypedExtensionConfig` that is called as the filter
//! is. It is read together with the configuration that names it; what Envoy would not take up is an
//! error here, so that the filter which is served stays.

use std::path::{Path, PathBuf};

use crate::report::Report;
use crate::view::View;
use crate::{dump, file};

const RESPONSE: &str = "envoy.service.discovery.v3.DiscoveryResponse";
const RESOURCE: &str = "envoy.config.core.v3.TypedExtensionConfig";

/// Builds what is discovered for a filter.
pub(super) fn build<T>(
    filter: &View<'_>,
    build: &dyn Fn(&View<'_>, &View<'_>) -> Option<T>,
) -> Option<T> {
    let discovery = filter.child("config_discovery")?;
    let source = discovery.child("config_source")?;
    let Some(path) = source.child("path_config_source") else {
        discovery.unsupported(
            "config_source",
            "discovery by anything but a `path_config_source`",
        );
        return None;
    };
    let file = PathBuf::from(path.text("path"));
    let text = match file::read(&file) {
        Ok(text) => text,
        Err(reason) => {
            path.error("path", format!("{}: {reason}", file.display()));
            return None;
        }
    };
    filter.report().note_files(vec![file.clone()]);
    let wanted = Wanted {
        name: filter.text("name"),
        types: discovery.texts("type_urls"),
    };
    let found = filter
        .report()
        .read_other(&file, |report| read(&text, &file, report, &wanted, build));
    match found {
        Found::Built(built) => Some(built),
        // What is wrong is reported.
        Found::Refused => None,
        Found::Nothing => default(&discovery, filter, build),
    }
}

/// The configuration for when nothing is discovered.
fn default<T>(
    discovery: &View<'_>,
    filter: &View<'_>,
    build: &dyn Fn(&View<'_>, &View<'_>) -> Option<T>,
) -> Option<T> {
    let default = discovery.packed("default_config");
    if default.is_none() {
        let reason = "the file has no resource, and there is no `default_config`";
        discovery.error("config_source", reason);
    }
    build(filter, &default?)
}

/// What a filter takes.
struct Wanted<'a> {
    name: &'a str,
    types: Vec<&'a str>,
}

/// What is in a file.
enum Found<T> {
    Built(T),
    Refused,
    Nothing,
}

fn read<T>(
    text: &str,
    file: &Path,
    report: &Report,
    wanted: &Wanted<'_>,
    build: &dyn Fn(&View<'_>, &View<'_>) -> Option<T>,
) -> Found<T> {
    let file_name = file.display().to_string();
    let read = crate::read_message(text, &file_name, RESPONSE, report, |response| {
        report.note_files(dump::files(response.message()));
        one_resource(response, wanted, build)
    });
    match read {
        Ok(Some(found)) => found,
        Ok(None) => Found::Refused,
        Err(error) => {
            report.error(error.kind, &error.path, error.reason);
            Found::Refused
        }
    }
}

/// Builds the one resource there is, with Envoy's words for what is wrong with it.
fn one_resource<T>(
    response: &View<'_>,
    wanted: &Wanted<'_>,
    build: &dyn Fn(&View<'_>, &View<'_>) -> Option<T>,
) -> Found<T> {
    let resources = response.children("resources");
    let [resource] = resources.as_slice() else {
        if resources.is_empty() {
            return Found::Nothing;
        }
        let count = resources.len();
        response.error(
            "resources",
            format!("Unexpected number of resources in ExtensionConfigDS response: {count}"),
        );
        return Found::Refused;
    };
    let resource = resource.unpacked();
    let Some(resource) = resource.filter(|resource| resource.type_name() == RESOURCE) else {
        response.error("resources[0]", format!("wanted is a {RESOURCE}"));
        return Found::Refused;
    };
    let name = resource.text("name");
    if name != wanted.name {
        resource.error(
            "name",
            format!("Unexpected resource name in ExtensionConfigDS response: {name}"),
        );
        return Found::Refused;
    }
    let Some(config) = resource.extension("an HTTP filter") else {
        return Found::Refused;
    };
    let is_of_type = |url: &&str| url.rsplit('/').next() == Some(&*config.type_name());
    if !wanted.types.iter().any(is_of_type) {
        let (found, expected) = (config.type_name(), wanted.types.join(", "));
        resource.error(
            "typed_config",
            format!("filter config has type URL {found} but expect {expected}"),
        );
        return Found::Refused;
    }
    build(&resource, &config).map_or(Found::Refused, Found::Built)
}
