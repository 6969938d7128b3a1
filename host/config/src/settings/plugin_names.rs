//! Settings of plugins that are not there: a name misspelt would be a limit without effect.

use std::collections::BTreeSet;

use super::Settings;
use crate::schema;
use crate::{Bootstrap, ConfigError, ConfigErrors, ErrorKind};

impl Settings {
    /// Checks that every plugin named here is in one of the configurations. `file` is where the
    /// settings come from.
    ///
    /// # Errors
    ///
    /// For every name that no plugin has.
    pub fn check_names(&self, file: &str, bootstraps: &[Bootstrap]) -> Result<(), ConfigErrors> {
        let plugins = bootstraps.iter().flat_map(Bootstrap::plugins);
        let names: BTreeSet<&str> = plugins.map(|plugin| plugin.name.as_str()).collect();
        let unknown = self
            .plugins
            .iter()
            .filter(|(name, _)| !names.contains(name.as_str()));
        let errors = unknown.map(|(name, plugin)| ConfigError {
            file: match plugin.line {
                0 => "--isolation".to_owned(),
                _ => file.to_owned(),
            },
            line: (plugin.line > 0).then_some(plugin.line),
            path: format!("plugins[\"{name}\"]"),
            reason: unknown_name(&names, name),
            kind: ErrorKind::Semantic,
        });
        ConfigErrors::from_list(errors.collect()).map_or(Ok(()), Err)
    }
}

fn unknown_name(names: &BTreeSet<&str>, name: &str) -> String {
    let names: Vec<&str> = names.iter().copied().collect();
    match schema::hint(name, &names) {
        hint if !hint.is_empty() => format!("no plugin has this name{hint}"),
        _ if names.is_empty() => "there are no plugins".to_owned(),
        _ => format!("no plugin has this name; there are: {}", names.join(", ")),
    }
}
