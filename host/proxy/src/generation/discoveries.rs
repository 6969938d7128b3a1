//! `Discoveries`: what has become of filters' files (ECDS), in Envoy's statistics.
//!
//! Envoy takes up each file by itself, here it is taken up or refused with all the rest. So a file
//! counts when that is decided: one that waits for another's fault to be mended has not been refused.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use serde_json::Value;
use tollgate_config::{DiscoveredFilter, Discovery, DiscoveryRefusal, FileStamp};
use twox_hash::XxHash64;

use crate::telemetry::{DiscoveryStats, StatSnapshot, StatSource, StatValue, Stats};

/// What is known of the filters that are discovered.
pub(super) struct Discoveries {
    stats: Stats,
    files: Mutex<BTreeMap<(String, PathBuf), KnownFile>>,
}

/// A file of a filter.
struct KnownFile {
    stats: DiscoveryStats,
    /// The one that was decided last, and whether it was taken up.
    decided: Option<(FileStamp, bool)>,
    /// What was taken up last.
    resource: Option<Value>,
    version: String,
}

impl Discoveries {
    /// Returns none; they are among `stats` as they come.
    pub(super) fn new(stats: &Stats) -> Arc<Self> {
        let new = Arc::new(Self {
            stats: stats.clone(),
            files: Mutex::default(),
        });
        stats.add_source(DiscoveryTexts(Arc::clone(&new)));
        new
    }

    /// All of these are served, apart from those that a default stands in for.
    pub(super) fn serve(&self, all: &[Discovery]) {
        for discovery in all {
            self.decide(discovery, discovery.found.as_ref().map_err(|why| *why));
        }
    }

    /// Nothing of this is served. To blame are the files that are refused themselves, and those of
    /// a plugin that does not start.
    pub(super) fn refuse(&self, all: &[Discovery], culprit: Option<&str>) {
        for discovery in all {
            match &discovery.found {
                Err(refusal) => self.decide(discovery, Err(*refusal)),
                Ok(found) if culprit.is_some() && plugin_name(found) == culprit => {
                    self.decide(discovery, Err(DiscoveryRefusal::Rejected));
                }
                Ok(_) => {}
            }
        }
    }

    /// Counts what has become of a file, once.
    fn decide(&self, file: &Discovery, outcome: Result<&DiscoveredFilter, DiscoveryRefusal>) {
        let mut files = self.files.lock();
        let key = (file.filter.clone(), file.file.clone());
        let known = files
            .entry(key)
            .or_insert_with(|| KnownFile::new(&self.stats, &file.filter));
        // One that was refused for its plugin's module may be good with another module.
        let decided = Some((file.stamp, outcome.is_ok()));
        if known.decided == decided {
            return;
        }
        known.decided = decided;
        known.stats.update_attempt.inc();
        match outcome {
            Ok(found) => known.take_up(found),
            Err(refusal) => known.count(refusal),
        }
    }
}

impl KnownFile {
    fn new(stats: &Stats, filter: &str) -> Self {
        let prefix = prefix(filter);
        // What does not happen to files is shown as well.
        for name in ["config_conflict", "init_fetch_timeout"] {
            drop(stats.counter(&format!("{prefix}{name}")));
        }
        drop(stats.histogram(&format!("{prefix}update_duration")));
        Self {
            stats: DiscoveryStats::new(stats, &prefix),
            decided: None,
            resource: None,
            version: String::new(),
        }
    }

    fn take_up(&mut self, found: &DiscoveredFilter) {
        self.stats.update_success.inc();
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = since_epoch.unwrap_or_default().as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        self.stats.update_time.set(now);
        // Envoy shows a version as a number too.
        let number = XxHash64::oneshot(0, found.version.as_bytes());
        self.stats.version.set(number);
        self.version.clone_from(&found.version);
        if self.resource.as_ref() != Some(&found.resource) {
            self.stats.config_reload.inc();
            self.resource = Some(found.resource.clone());
        }
    }

    fn count(&self, refusal: DiscoveryRefusal) {
        self.stats.config_fail.inc();
        match refusal {
            DiscoveryRefusal::Unreadable => self.stats.update_failure.inc(),
            DiscoveryRefusal::Rejected => self.stats.update_rejected.inc(),
        }
    }
}

/// Returns the name of the plugin that the filter is.
fn plugin_name(filter: &DiscoveredFilter) -> Option<&str> {
    filter
        .resource
        .pointer("/typed_config/config/name")?
        .as_str()
}

/// The versions among the statistics.
struct DiscoveryTexts(Arc<Discoveries>);

impl StatSource for DiscoveryTexts {
    fn collect(&self, out: &mut Vec<StatSnapshot>) {
        for ((filter, _), known) in self.0.files.lock().iter() {
            out.push(StatSnapshot {
                name: format!("{}version_text", prefix(filter)),
                value: StatValue::Text(known.version.clone()),
                used: true,
            });
        }
    }
}

fn prefix(filter: &str) -> String {
    format!("extension_config_discovery.http_filter.{filter}.")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tollgate_config::{LoadOptions, load};

    use super::*;

    const CONFIGURATION: &str = r#"
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 80 } }
    filter_chains:
    - filters:
      - name: manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          route_config: { virtual_hosts: [{ name: all, domains: ["*"] }] }
          http_filters:
          - name: last
            config_discovery:
              type_urls: ["type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"]
              config_source: { resource_api_version: V3, path_config_source: { path: FILE } }
"#;

    /// The file of the filter, found anew, as another one each time.
    fn discover(folder: &Path, resource: &str) -> Vec<Discovery> {
        let (new, file) = (folder.join("new"), folder.join("last.yaml"));
        fs::write(&new, format!("version_info: \"1\"\n{resource}")).unwrap();
        fs::rename(new, &file).unwrap();
        let configuration = folder.join("envoy.yaml");
        let text = CONFIGURATION.replace("FILE", &file.display().to_string());
        fs::write(&configuration, text).unwrap();
        match load(&configuration, &LoadOptions::default()) {
            Ok(loaded) => loaded.bootstrap.discoveries,
            Err(errors) => errors.discoveries().to_vec(),
        }
    }

    const GOOD: &str = r#"
resources:
- "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
  name: last
  typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
"#;

    fn counts(stats: &Stats) -> [u64; 5] {
        [
            "update_attempt",
            "update_success",
            "update_rejected",
            "config_reload",
            "config_fail",
        ]
        .map(|name| stats.counter(&(prefix("last") + name)).value())
    }

    #[test]
    fn a_file_counts_when_it_is_decided_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let stats = Stats::new();
        let discoveries = Discoveries::new(&stats);
        let first = discover(folder.path(), GOOD);
        discoveries.serve(&first);
        discoveries.serve(&first);
        assert_eq!(counts(&stats), [1, 1, 0, 1, 0]);
        // Something else is wrong, and mended.
        let same = discover(folder.path(), GOOD);
        discoveries.refuse(&same, Some("another"));
        assert_eq!(counts(&stats), [1, 1, 0, 1, 0]);
        discoveries.serve(&same);
        assert_eq!(counts(&stats), [2, 2, 0, 1, 0]);
        let bad = discover(folder.path(), &GOOD.replace("name: last", "name: first"));
        discoveries.refuse(&bad, None);
        discoveries.refuse(&bad, None);
        assert_eq!(counts(&stats), [3, 2, 1, 1, 1]);
    }
}
