//! `ConfigError`, and reading a plugin's configuration with the path of what is wrong in it.

use std::any::{Any, TypeId};
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a configuration is refused: where, and what is wrong there.
///
/// ```
/// let error = tollgate::ConfigError::at("rules[0].limit", "must be > 0");
/// assert_eq!(error.to_string(), "rules[0].limit: must be > 0");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    path: String,
    reason: String,
}

impl ConfigError {
    /// Names the field at `path` and what is wrong with it.
    #[must_use]
    pub fn at(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }

    /// Describes a fault of the configuration as a whole.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self::at("", reason)
    }

    /// Returns the path of the field; empty when the whole is meant.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            f.write_str(&self.path)?;
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ConfigError {}

impl From<crate::Error> for ConfigError {
    fn from(error: crate::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<crate::http::CalloutError> for ConfigError {
    fn from(error: crate::http::CalloutError) -> Self {
        Self::new(error.to_string())
    }
}

/// Reads JSON, which an operator gives as a `StringValue`: a `Struct` arrives as a serialized
/// message, and is refused here. No configuration at all reads as `{}`, so a filter whose fields
/// all have defaults needs none.
///
/// # Errors
///
/// With the path of the first field that is unknown, missing or of the wrong type.
pub(crate) fn parse<C: DeserializeOwned + 'static>(configuration: &[u8]) -> Result<C, ConfigError> {
    // A plugin without JSON must not pay for a parser: the comparisons are constant, and what
    // follows is left out of its module.
    if is_type::<C, ()>() {
        return cast(());
    }
    if is_type::<C, RawConfig>() {
        return cast(RawConfig(configuration.to_vec()));
    }
    let json = if configuration.is_empty() {
        b"{}"
    } else {
        configuration
    };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let config: C = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        ConfigError {
            path,
            reason: error.inner().to_string(),
        }
    })?;
    deserializer
        .end()
        .map_err(|error| ConfigError::new(error.to_string()))?;
    Ok(config)
}

/// The configuration as the operator wrote it, for a plugin that reads it itself.
///
/// Typed reading costs about 100 KB of module for a configuration with many structures; a plugin
/// that must stay small takes the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RawConfig(Vec<u8>);

impl RawConfig {
    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn is_type<C: 'static, T: 'static>() -> bool {
    TypeId::of::<C>() == TypeId::of::<T>()
}

fn cast<C: 'static, T: 'static>(value: T) -> Result<C, ConfigError> {
    let mut value = Some(value);
    let value = (&mut value as &mut dyn Any).downcast_mut::<Option<C>>();
    value
        .and_then(Option::take)
        .ok_or_else(|| ConfigError::new("the type of the configuration differs"))
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, RawConfig, parse};
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Limits {
        rules: Vec<Rule>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        limit: u32,
    }

    #[test]
    fn an_error_names_the_path_of_the_field() {
        let error = parse::<Limits>(br#"{"rules": [{"limit": 1}, {"limit": -1}]}"#).unwrap_err();
        assert_eq!(error.path(), "rules[1].limit");
        assert!(
            error
                .reason()
                .starts_with("invalid value: integer `-1`, expected u32")
        );
    }

    #[test]
    fn no_configuration_reads_as_an_empty_object() {
        assert_eq!(parse::<Limits>(b""), Ok(Limits::default()));
    }

    #[test]
    fn a_filter_without_configuration_accepts_any() {
        assert_eq!(parse::<()>(b"{}"), Ok(()));
        assert_eq!(parse::<()>(b""), Ok(()));
    }

    #[test]
    fn a_filter_that_reads_its_configuration_itself_gets_the_bytes() {
        let config = parse::<RawConfig>(b"not: json");
        assert_eq!(config.unwrap().as_bytes(), b"not: json");
    }

    #[test]
    fn text_after_the_configuration_is_refused() {
        assert!(parse::<Limits>(b"{} x").is_err());
    }

    #[test]
    fn a_fault_of_the_whole_shows_no_path() {
        assert_eq!(ConfigError::new("empty").to_string(), "empty");
    }
}
