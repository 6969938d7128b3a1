//! The TCP proxy.

use std::time::Duration;

use super::access_log;
use super::http_connection_manager::timeout;
use crate::view::View;
use crate::{TcpCluster, TcpProxy};

const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

pub(super) fn build(view: &View<'_>) -> Option<TcpProxy> {
    let access_log = access_log::build_all(view, "access_log");
    let clusters = clusters(view);
    let duration = "max_downstream_connection_duration";
    Some(TcpProxy {
        stat_prefix: view.text("stat_prefix").to_owned(),
        idle_timeout: timeout(Some(view), "idle_timeout", Some(IDLE_TIMEOUT)),
        max_downstream_connection_duration: timeout(Some(view), duration, None),
        max_connect_attempts: view.u32_value("max_connect_attempts").unwrap_or(1),
        access_log,
        clusters: clusters?,
        by_weight: view.child("weighted_clusters").is_some(),
    })
}

fn clusters(view: &View<'_>) -> Option<Vec<TcpCluster>> {
    let Some(weighted) = view.child("weighted_clusters") else {
        let name = view.text("cluster");
        return Some(vec![cluster(name, 1)]);
    };
    let clusters: Vec<_> = weighted
        .children("clusters")
        .iter()
        .map(|one| cluster(one.text("name"), one.u32("weight")))
        .collect();
    let sum: u64 = clusters.iter().map(|one| u64::from(one.weight)).sum();
    if sum > u64::from(u32::MAX) {
        let reason = format!(
            "the sum of weights {sum} is beyond the uint32 maximum {}",
            u32::MAX
        );
        weighted.error("clusters", reason);
        return None;
    }
    Some(clusters)
}

fn cluster(name: &str, weight: u32) -> TcpCluster {
    TcpCluster {
        name: name.to_owned(),
        weight,
    }
}
