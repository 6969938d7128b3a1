//! `ReloadReport`: what a reload has changed.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tollgate_config::{Bootstrap, Cluster, Listener, PluginConfig};

use super::{Generation, GenerationId};

/// What a reload has done.
#[derive(Clone, Debug)]
pub struct ReloadReport {
    /// The generation that is served now.
    pub generation: GenerationId,
    /// Whether it is a new one; nothing has changed otherwise.
    pub is_new: bool,
    /// From the reading of the files until all workers served it.
    pub took: Duration,
    /// Listeners by name.
    pub listeners: Changes,
    /// Clusters by name.
    pub clusters: Changes,
    /// Plugins by name.
    pub plugins: Changes,
    /// What was configured and needs a restart.
    pub notes: Vec<String>,
}

/// What has changed among things of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that are new.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those that are not what they were.
    pub changed: Vec<String>,
}

impl Changes {
    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let kinds = [
            ("added", &self.added),
            ("removed", &self.removed),
            ("changed", &self.changed),
        ];
        kinds.into_iter()
    }

    /// Compares things by name.
    fn between<'a, T: 'a>(
        before: &[(&'a str, T)],
        after: &[(&'a str, T)],
        is_same: impl Fn(&T, &T) -> bool,
    ) -> Self {
        let mut changes = Self::default();
        for (name, thing) in after {
            let mut known = before.iter().filter(|(known, _)| known == name).peekable();
            if known.peek().is_none() {
                changes.added.push((*name).to_owned());
            } else if !known.any(|(_, known)| is_same(known, thing)) {
                changes.changed.push((*name).to_owned());
            }
        }
        for (name, _) in before {
            if !after.iter().any(|(known, _)| known == name) {
                changes.removed.push((*name).to_owned());
            }
        }
        for names in [
            &mut changes.added,
            &mut changes.removed,
            &mut changes.changed,
        ] {
            names.sort();
            names.dedup();
        }
        changes
    }
}

impl ReloadReport {
    /// Compares what is served now with what was served before.
    pub(super) fn between(before: Option<&Generation>, after: &Generation) -> Self {
        let old: Vec<_> = before
            .into_iter()
            .flat_map(Generation::bootstraps)
            .collect();
        let new: Vec<_> = after.bootstraps().collect();
        Self {
            generation: after.id(),
            is_new: true,
            took: Duration::ZERO,
            listeners: Changes::between(&listeners(&old), &listeners(&new), |a, b| a == b),
            clusters: Changes::between(&clusters(&old), &clusters(&new), |a, b| a == b),
            plugins: plugin_changes(before, after),
            notes: notes(&old, &new),
        }
    }

    /// Returns the report of a reload that has found nothing new.
    pub(super) fn unchanged(current: &Generation) -> Self {
        Self {
            is_new: false,
            ..Self::between(Some(current), current)
        }
    }
}

fn listeners<'a>(bootstraps: &[&'a Bootstrap]) -> Vec<(&'a str, &'a Listener)> {
    let all = bootstraps.iter().flat_map(|one| &one.listeners);
    all.map(|listener| (listener.name.as_str(), listener))
        .collect()
}

fn clusters<'a>(bootstraps: &[&'a Bootstrap]) -> Vec<(&'a str, &'a Cluster)> {
    let all = bootstraps.iter().flat_map(|one| &one.clusters);
    all.map(|cluster| (cluster.name.as_str(), cluster))
        .collect()
}

/// A plugin has changed if its configuration has, or its module's code.
fn plugin_changes(before: Option<&Generation>, after: &Generation) -> Changes {
    let (old, new) = (before.map_or_else(Vec::new, plugins), plugins(after));
    Changes::between(&old, &new, |a, b| a == b)
}

fn plugins(generation: &Generation) -> Vec<(&str, (&PluginConfig, u64))> {
    let all = generation.bootstraps().flat_map(Bootstrap::plugins);
    let pairs = all.zip(generation.plugins().code_numbers());
    pairs
        .map(|(plugin, code)| (plugin.name.as_str(), (plugin, code)))
        .collect()
}

/// Names what only a restart can change.
fn notes(before: &[&Bootstrap], after: &[&Bootstrap]) -> Vec<String> {
    let admins = |all: &[&Bootstrap]| -> Vec<SocketAddr> {
        all.iter().filter_map(|one| one.admin).collect()
    };
    let mut notes = Vec::new();
    if !before.is_empty() && admins(before) != admins(after) {
        notes.push("admin: the address changes with a restart only".to_owned());
    }
    notes
}

impl fmt::Display for ReloadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reloaded")?;
        let kinds = [
            ("listeners", &self.listeners),
            ("clusters", &self.clusters),
            ("plugins", &self.plugins),
        ];
        for (kind, changes) in kinds {
            for (change, names) in changes.named().filter(|(_, names)| !names.is_empty()) {
                write!(f, "; {kind} {change}: {}", names.join(", "))?;
            }
        }
        Ok(())
    }
}
