//! References between parts of a file: routes name clusters that exist.

use std::collections::HashSet;

use crate::view::View;

/// Reports every route to a cluster that no cluster of the file has the name of. Clusters that were
/// left out as not implemented still count.
pub(super) fn check(listeners: &[View<'_>], clusters: &[View<'_>]) {
    let names: HashSet<_> = clusters
        .iter()
        .map(|cluster| cluster.text("name"))
        .collect();
    for listener in listeners {
        let chains = listener.children("filter_chains").into_iter();
        let chains = chains.chain(listener.child("default_filter_chain"));
        for filter in chains.flat_map(|chain| chain.children("filters")) {
            if let Some(config) = filter.packed("typed_config") {
                check_filter(&config, &names);
            }
        }
    }
}

fn check_filter(filter: &View<'_>, names: &HashSet<&str>) {
    if filter.type_name() == super::filter_chain::TCP_PROXY {
        check_tcp_proxy(filter, names);
    }
    let routes = filter.child("route_config");
    routes.iter().for_each(|config| check_routes(config, names));
}

fn check_routes(config: &View<'_>, names: &HashSet<&str>) {
    if config.bool_value("validate_clusters") == Some(false) {
        return;
    }
    let hosts = config.children("virtual_hosts");
    for action in hosts
        .iter()
        .flat_map(|host| host.children("routes"))
        .filter_map(|r| r.child("route"))
    {
        if action.has("cluster") {
            check_name(&action, "cluster", names);
        }
        let weighted = action.child("weighted_clusters");
        for cluster in weighted
            .iter()
            .flat_map(|weighted| weighted.children("clusters"))
        {
            check_name(&cluster, "name", names);
        }
    }
}

/// Envoy accepts a TCP proxy whose cluster does not exist, and then closes every connection.
fn check_tcp_proxy(view: &View<'_>, names: &HashSet<&str>) {
    let weighted = view.child("weighted_clusters");
    let weighted = weighted.iter().flat_map(|all| all.children("clusters"));
    let places = weighted.map(|cluster| (cluster, "name"));
    for (view, field) in places.chain([(view.clone(), "cluster")]) {
        let name = view.text(field);
        if !name.is_empty() && !names.contains(name) {
            let hint = crate::schema::hint(name, &names.iter().copied().collect::<Vec<_>>());
            let reason = format!("connections will be closed: unknown cluster '{name}'{hint}");
            view.warning(field, reason);
        }
    }
}

fn check_name(view: &View<'_>, field: &str, names: &HashSet<&str>) {
    let name = view.text(field);
    if !name.is_empty() && !names.contains(name) {
        let hint = crate::schema::hint(name, &names.iter().copied().collect::<Vec<_>>());
        view.error(field, format!("route: unknown cluster '{name}'{hint}"));
    }
}
