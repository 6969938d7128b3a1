//! Filters whose configuration comes from a file of its own: Envoy's extension configuration
//! discovery (ECDS) with a `path_config_source`.
//!
//! The file holds a `DiscoveryResponse` with one `TypedExtensionConfig` that is called as the filter
//! is. It is read together with the configuration that names it; what Envoy would not take up is an
//! error here, so that the filter which is served stays.

use std::path::{Path, PathBuf};

use crate::report::Report;
use crate::view::View;
use crate::{DiscoveredFilter, Discovery, DiscoveryRefusal, Reading, dump, file};

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
    let (text, stamp) = match file::read_stamped(&file) {
        Ok(read) => read,
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
    let (found, result) = match found {
        Found::Built(built, found) => (Ok(found), Some(built)),
        // What is wrong is reported.
        Found::Refused(refusal) => (Err(refusal), None),
        // Envoy counts it as refused, and takes the default all the same.
        Found::Nothing => {
            let default = default(&discovery, filter, build);
            (Err(DiscoveryRefusal::Rejected), default)
        }
    };
    filter.report().note_discovery(Discovery {
        filter: wanted.name.to_owned(),
        file,
        stamp,
        found,
    });
    result
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
    Built(T, DiscoveredFilter),
    Refused(DiscoveryRefusal),
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
        // A part of it may be wrong although there is a result.
        Ok(Reading::Built(Found::Built(..))) if report.has_errors() => rejected(),
        Ok(Reading::Built(found)) => found,
        Ok(Reading::Invalid) => rejected(),
        Ok(Reading::NotRead) => Found::Refused(DiscoveryRefusal::Unreadable),
        Err(error) => {
            report.error(error.kind, &error.path, error.reason);
            Found::Refused(DiscoveryRefusal::Unreadable)
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
        return rejected();
    };
    let resource = resource.unpacked();
    let Some(resource) = resource.filter(|resource| resource.type_name() == RESOURCE) else {
        response.error("resources[0]", format!("wanted is a {RESOURCE}"));
        return rejected();
    };
    let name = resource.text("name");
    if name != wanted.name {
        resource.error(
            "name",
            format!("Unexpected resource name in ExtensionConfigDS response: {name}"),
        );
        return rejected();
    }
    let Some(config) = resource.extension("an HTTP filter") else {
        return rejected();
    };
    let is_of_type = |url: &&str| url.rsplit('/').next() == Some(&*config.type_name());
    if !wanted.types.iter().any(is_of_type) {
        let (found, expected) = (config.type_name(), wanted.types.join(", "));
        resource.error(
            "typed_config",
            format!("filter config has type URL {found} but expect {expected}"),
        );
        return rejected();
    }
    match build(&resource, &config) {
        Some(built) => Found::Built(
            built,
            DiscoveredFilter {
                version: response.text("version_info").to_owned(),
                resource: dump::to_json(resource.message()),
            },
        ),
        None => rejected(),
    }
}

fn rejected<T>() -> Found<T> {
    Found::Refused(DiscoveryRefusal::Rejected)
}
