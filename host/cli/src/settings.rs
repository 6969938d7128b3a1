//! The settings of a run: `tollgate.yaml`, with what flags say on top.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tollgate_config::{Bootstrap, CompileCache, Isolation, Settings};

use crate::args::SettingsArguments;
use crate::error::CommandError;

/// `--isolation [PLUGIN=]worker|stream`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IsolationChoice {
    /// `None` for plugins that nothing else chooses for.
    plugin: Option<String>,
    isolation: Isolation,
}

/// Reads the settings and lays flags over them: a flag for a plugin before what the file says of
/// it, one for all before the file's default.
///
/// # Errors
///
/// When the file is refused.
pub(crate) fn load(arguments: &SettingsArguments) -> Result<Settings, CommandError> {
    let mut settings = match &arguments.tollgate_config {
        Some(file) => with_cache(Settings::load(file)?),
        None => defaults(),
    };
    for choice in &arguments.isolation {
        let chosen = Some(choice.isolation);
        match &choice.plugin {
            Some(plugin) => {
                let plugin = settings.plugins.entry(plugin.clone()).or_default();
                plugin.isolation = chosen;
            }
            None => settings.isolation = chosen,
        }
    }
    Ok(settings)
}

/// Returns the settings of a run that is told of none.
pub(crate) fn defaults() -> Settings {
    with_cache(Settings::default())
}

/// Chooses where compiled modules are kept, if nobody has.
fn with_cache(mut settings: Settings) -> Settings {
    if settings.compile_cache == CompileCache::Unset
        && let Some(directory) = cache_directory(|name| std::env::var_os(name))
    {
        settings.compile_cache = CompileCache::Directory(directory);
    }
    settings
}

/// Returns the user's folder for what can be made anew, as the XDG Base Directory Specification
/// finds it: relative paths do not count.
fn cache_directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name| Some(PathBuf::from(variable(name)?)).filter(|path| path.is_absolute());
    let of_home = || Some(path("HOME")?.join(".cache"));
    Some(path("XDG_CACHE_HOME").or_else(of_home)?.join("tollgate"))
}

/// Checks that the plugins which settings name are there.
///
/// # Errors
///
/// For every name that no plugin has.
pub(crate) fn check(
    settings: &Settings,
    arguments: &SettingsArguments,
    bootstraps: &[Bootstrap],
) -> Result<(), CommandError> {
    let file = arguments.tollgate_config.as_deref().map(Path::display);
    let file = file.map_or_else(String::new, |file| file.to_string());
    Ok(settings.check_names(&file, bootstraps)?)
}

impl FromStr for IsolationChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The last `=`: a plugin may be called anything.
        let (plugin, isolation) = match text.rsplit_once('=') {
            Some((plugin, isolation)) => (Some(plugin.to_owned()), isolation),
            None => (None, text),
        };
        Ok(Self {
            plugin,
            isolation: isolation.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(isolation: &[&str]) -> SettingsArguments {
        let choices = isolation.iter().map(|text| text.parse().unwrap());
        SettingsArguments {
            tollgate_config: None,
            isolation: choices.collect(),
        }
    }

    #[test]
    fn flags_choose_for_one_plugin_or_for_all() {
        let settings = load(&arguments(&["stream", "a=b=worker"])).unwrap();
        assert_eq!(settings.isolation_of("other"), Some(Isolation::Stream));
        assert_eq!(settings.isolation_of("a=b"), Some(Isolation::Worker));
    }

    #[test]
    fn compiled_modules_are_kept_in_the_users_folder_for_such_things() {
        let directory = |xdg: &str, home: &str| {
            let variables = [("XDG_CACHE_HOME", xdg), ("HOME", home)];
            let value = |name: &str| variables.iter().find(|(known, _)| *known == name);
            cache_directory(|name| value(name).map(|(_, value)| value.into()))
        };
        let is_in = |path: &str| Some(PathBuf::from(path));
        assert_eq!(directory("/c", "/home/me"), is_in("/c/tollgate"));
        assert_eq!(directory("", "/home/me"), is_in("/home/me/.cache/tollgate"));
        assert_eq!(directory("c", "/"), is_in("/.cache/tollgate"));
        assert_eq!(directory("", ""), None);
    }

    #[test]
    fn other_words_are_refused() {
        let error = "auth=request".parse::<IsolationChoice>().unwrap_err();
        assert_eq!(error, "wanted is `worker` or `stream`, not `request`");
    }

    #[test]
    fn a_flag_for_a_plugin_that_is_not_there_is_a_mistake() {
        let arguments = arguments(&["auth=stream"]);
        let settings = load(&arguments).unwrap();
        let error = check(&settings, &arguments, &[]).unwrap_err();
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(
            lines,
            ["--isolation plugins[\"auth\"]: there are no plugins"]
        );
    }
}
