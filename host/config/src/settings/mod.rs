//! Settings that only Tollgate has: `tollgate.yaml`, read as strictly as `envoy.yaml` is.
//!
//! They are apart from Envoy's configuration so that this stays loadable by Envoy. Whatever is not
//! set has a default, so no file at all is a file too. `host/SETTINGS.md` describes every field.

mod breaker;
mod diagnosis;
mod fields;
mod limits;
mod plugin_names;
mod reload;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use breaker::BreakerSettings;
pub use diagnosis::DiagnosisSettings;
pub use limits::LimitSettings;
pub use reload::{ReloadSettings, RollbackSettings};

use crate::report::Report;
use crate::yaml::{self, Entry};
use crate::{ConfigError, ConfigErrors, ErrorKind, file};
use fields::Fields;

/// What `tollgate.yaml` and flags say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What plugins share that do not choose for themselves; `None` leaves it to their modules.
    pub isolation: Option<Isolation>,
    /// Limits of all plugins.
    pub limits: LimitSettings,
    /// When a plugin that keeps failing is passed by for a while.
    pub breaker: BreakerSettings,
    /// Plugins that differ, by their name in Envoy's configuration.
    pub plugins: BTreeMap<String, PluginSettings>,
    /// How new configuration and modules are taken up.
    pub reload: ReloadSettings,
    /// What is kept of faults.
    pub diagnosis: DiagnosisSettings,
    /// Where compiled modules are kept from one process to the next.
    pub compile_cache: CompileCache,
}

/// Where compiled modules are kept from one process to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CompileCache {
    /// Whoever runs the proxy chooses; the proxy itself keeps none.
    #[default]
    Unset,
    /// Nowhere.
    Off,
    /// In a directory, which is made if it is not there.
    Directory(PathBuf),
}

/// How one plugin differs from the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginSettings {
    /// What its streams share.
    pub isolation: Option<Isolation>,
    /// Its limits; what is not set is as for all.
    pub limits: LimitSettings,
    /// Its breaker, if it differs.
    pub breaker: Option<BreakerSettings>,
    /// The line that names it in the file; 0 if a flag does.
    pub line: usize,
}

/// What streams of a plugin share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// All streams on a worker run in one VM, as in Envoy.
    Worker,
    /// Every stream has an instance of its own.
    Stream,
}

impl Settings {
    /// Reads a file, `.json` as JSON and everything else as YAML.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or for everything in it that has no meaning.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let file_name = path.display().to_string();
        let text = file::read(path).map_err(|reason| ConfigError {
            file: file_name.clone(),
            line: None,
            path: String::new(),
            reason,
            kind: ErrorKind::Schema,
        })?;
        Self::parse(&text, &file_name)
    }

    /// Reads the text of a file; `file_name` decides the syntax and appears in errors.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn parse(text: &str, file_name: &str) -> Result<Self, ConfigErrors> {
        let report = Report::new(file_name, false);
        let settings = read(text, file_name, &report);
        match ConfigErrors::from_list(report.into_parts().0) {
            None => Ok(settings),
            Some(errors) => Err(errors),
        }
    }

    /// Returns the isolation that settings choose for a plugin, if they do.
    #[must_use]
    pub fn isolation_of(&self, plugin: &str) -> Option<Isolation> {
        let own = self.plugins.get(plugin).and_then(|own| own.isolation);
        own.or(self.isolation)
    }

    /// Returns the limits of a plugin: its own, and for the rest those of all.
    #[must_use]
    pub fn limits_of(&self, plugin: &str) -> LimitSettings {
        let own = self.plugins.get(plugin).map(|own| own.limits.clone());
        own.unwrap_or_default().or(&self.limits)
    }

    /// Returns all that holds for a plugin; what is equal makes no difference to it.
    #[must_use]
    pub fn of_plugin(&self, plugin: &str) -> PluginSettings {
        PluginSettings {
            isolation: self.isolation_of(plugin),
            limits: self.limits_of(plugin),
            breaker: Some(self.breaker_of(plugin)),
            line: 0,
        }
    }

    /// Returns the breaker of a plugin.
    #[must_use]
    pub fn breaker_of(&self, plugin: &str) -> BreakerSettings {
        let own = self.plugins.get(plugin).and_then(|own| own.breaker);
        own.unwrap_or(self.breaker)
    }
}

fn read(text: &str, file_name: &str, report: &Report) -> Settings {
    let document = match yaml::read(text, yaml::Syntax::of(file_name)) {
        Ok(document) => document,
        Err(fault) => {
            report.error_at(fault.line, "", fault.reason);
            return Settings::default();
        }
    };
    for remark in document.remarks {
        report.error_at(remark.line, "", remark.reason);
    }
    let mut fields = Fields::new(&document.root, String::new(), report);
    let settings = Settings {
        isolation: fields.value("isolation", value::isolation),
        limits: fields.group("limits", limits::read_all),
        breaker: fields.group("breaker", breaker::read),
        plugins: fields.map("plugins", read_plugin),
        reload: fields.group("reload", reload::read),
        diagnosis: fields.group("diagnosis", diagnosis::read),
        compile_cache: fields
            .value("compile_cache", value::compile_cache)
            .unwrap_or_default(),
    };
    fields.finish();
    settings
}

fn read_plugin(entry: &Entry, mut fields: Fields<'_>) -> PluginSettings {
    let plugin = PluginSettings {
        isolation: fields.value("isolation", value::isolation),
        limits: fields.group("limits", limits::read_own),
        breaker: fields.optional_group("breaker", breaker::read),
        line: entry.line,
    };
    fields.finish();
    plugin
}

impl Isolation {
    /// Returns the word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Stream => "stream",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isolation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "worker" => Ok(Self::Worker),
            "stream" => Ok(Self::Stream),
            _ => Err(format!("wanted is `worker` or `stream`, not `{text}`")),
        }
    }
}
