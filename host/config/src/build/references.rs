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
        for chain in chains.chain(listener.child("default_filter_chain")) {
            for filter in chain.children("filters") {
                let manager = filter.packed("typed_config");
                let config = manager.and_then(|manager| manager.child("route_config"));
                config
                    .iter()
                    .for_each(|config| check_routes(config, &names));
            }
        }
    }
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

fn check_name(view: &View<'_>, field: &str, names: &HashSet<&str>) {
    let name = view.text(field);
    if !name.is_empty() && !names.contains(name) {
        let hint = crate::schema::hint(name, &names.iter().copied().collect::<Vec<_>>());
        view.error(field, format!("route: unknown cluster '{name}'{hint}"));
    }
}
