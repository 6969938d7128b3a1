//! `route`: to which cluster a request goes, and how it is rewritten.

use std::time::Duration;

use super::http_connection_manager::timeout;
use super::route::Limits;
use super::{headers, matcher, route_configuration};
use crate::view::View;
use crate::{ClusterSpecifier, HostRewrite, PathRewrite, RouteAction, WeightedCluster};

const TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn build(view: &View<'_>, limits: &Limits<'_>) -> Option<RouteAction> {
    let cluster = cluster(view, limits);
    let path_rewrite = path_rewrite(view);
    let idle_timeout = view.duration("idle_timeout");
    Some(RouteAction {
        cluster: cluster?,
        timeout: timeout(Some(view), "timeout", Some(TIMEOUT)),
        idle_timeout: idle_timeout.map(|idle| (!idle.is_zero()).then_some(idle)),
        path_rewrite: path_rewrite?,
        host_rewrite: host_rewrite(view),
        upgrade_types: upgrade_types(view),
    })
}

fn cluster(view: &View<'_>, limits: &Limits<'_>) -> Option<ClusterSpecifier> {
    match view.oneof("cluster_specifier")?.as_str() {
        "cluster" => Some(ClusterSpecifier::Cluster(view.text("cluster").to_owned())),
        "cluster_header" => Some(ClusterSpecifier::ClusterHeader(
            view.text("cluster_header").to_lowercase(),
        )),
        "weighted_clusters" => weighted(&view.child("weighted_clusters")?, limits),
        _ => None,
    }
}

fn weighted(view: &View<'_>, limits: &Limits<'_>) -> Option<ClusterSpecifier> {
    let clusters: Vec<_> = view
        .children("clusters")
        .iter()
        .map(|cluster| WeightedCluster {
            name: cluster.text("name").to_owned(),
            weight: cluster.u32_value("weight").unwrap_or(0),
            request_headers: headers::mutation(cluster, "request"),
            response_headers: headers::mutation(cluster, "response"),
            per_filter: route_configuration::per_filter(cluster, limits.filter_names),
        })
        .collect();
    for (index, cluster) in clusters.iter().enumerate() {
        if cluster.name.is_empty() {
            view.error(
                &format!("clusters[{index}]"),
                "a weighted cluster needs a `name`",
            );
        }
    }
    let sum: u64 = clusters
        .iter()
        .map(|cluster| u64::from(cluster.weight))
        .sum();
    if sum == 0 {
        view.error(
            "clusters",
            "the sum of weights in weighted_clusters must be greater than 0",
        );
        return None;
    }
    if sum > u64::from(u32::MAX) {
        let reason = format!(
            "the sum of weights {sum} is beyond the uint32 maximum {}",
            u32::MAX
        );
        view.error("clusters", reason);
        return None;
    }
    Some(ClusterSpecifier::WeightedClusters(clusters))
}

/// Returns `None` after a report, `Some(None)` for no rewrite.
fn path_rewrite(view: &View<'_>) -> Option<Option<PathRewrite>> {
    let prefix = view.text("prefix_rewrite");
    let Some(regex) = view.child("regex_rewrite") else {
        return Some((!prefix.is_empty()).then(|| PathRewrite::Prefix(prefix.to_owned())));
    };
    if !prefix.is_empty() {
        view.error(
            "regex_rewrite",
            "only one of prefix_rewrite or regex_rewrite can be set",
        );
        return None;
    }
    let pattern = matcher::partial_regex(&regex.child("pattern")?)?;
    let substitution = regex.text("substitution").to_owned();
    if let Some(reason) = bad_substitution(&substitution, pattern.captures_len()) {
        // Envoy accepts it and never rewrites anything.
        regex.warning("substitution", format!("nothing is rewritten: {reason}"));
        return Some(None);
    }
    Some(Some(PathRewrite::Regex {
        pattern,
        substitution,
    }))
}

/// RE2 knows `\0` to `\9` and `\\`, and refuses groups that the pattern does not have.
fn bad_substitution(substitution: &str, groups: usize) -> Option<String> {
    let mut characters = substitution.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            continue;
        }
        match characters.next() {
            Some('\\') => {}
            Some(digit) if digit.is_ascii_digit() => {
                let group = usize::try_from(digit.to_digit(10).unwrap_or(0)).unwrap_or(0);
                if group >= groups {
                    return Some(format!(
                        "`\\{group}` names a group that the pattern does not have"
                    ));
                }
            }
            _ => return Some("`\\` must be followed by a digit or `\\`".to_owned()),
        }
    }
    None
}

fn upgrade_types(view: &View<'_>) -> Vec<(String, bool)> {
    let mut types: Vec<(String, bool)> = Vec::new();
    for upgrade in view.children("upgrade_configs") {
        let name = upgrade.text("upgrade_type").to_lowercase();
        if types.iter().any(|(other, _)| *other == name) {
            upgrade.error("upgrade_type", format!("duplicate upgrade {name}"));
        }
        types.push((name, upgrade.bool_value("enabled").unwrap_or(true)));
    }
    types
}

fn host_rewrite(view: &View<'_>) -> Option<HostRewrite> {
    match view.oneof("host_rewrite_specifier")?.as_str() {
        "host_rewrite_literal" => Some(HostRewrite::Literal(
            view.text("host_rewrite_literal").to_owned(),
        )),
        "auto_host_rewrite" => view
            .bool_value("auto_host_rewrite")
            .unwrap_or(false)
            .then_some(HostRewrite::Auto),
        "host_rewrite_header" => Some(HostRewrite::Header(
            view.text("host_rewrite_header").to_lowercase(),
        )),
        _ => None,
    }
}
