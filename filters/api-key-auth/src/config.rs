//! The configuration as the operator writes it, and its way to a checked [`Policy`].

use serde::{Deserialize, Deserializer};
use tollgate::ConfigError;
use tollgate_filter_common::{BodyKind, HeaderName, Match};

use crate::challenge::Challenge;
use crate::key_ring::{Key, KeyRing};
use crate::name::Name;
use crate::policy::{Access, Effect, Policy, Profile, Rule};
use crate::source::Source;

/// What the operator writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "api_key_header")]
    sources: Vec<Source>,
    keys: Vec<Key>,
    #[serde(default)]
    allow_consumers: Option<Vec<Name>>,
    #[serde(default)]
    allow_groups: Option<Vec<Name>>,
    #[serde(default)]
    anonymous: Option<Name>,
    #[serde(default)]
    consumer_header: Option<HeaderName>,
    #[serde(default = "yes")]
    hide_credentials: bool,
    #[serde(default)]
    shadow: bool,
    #[serde(default = "api")]
    realm: Name,
    #[serde(default)]
    body: BodyKind,
    #[serde(default)]
    rules: Vec<RuleConfig>,
}

/// What one rule changes. A field that is left out stays as it is at the top; `null`, where it is
/// allowed, takes away what the top says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleConfig {
    #[serde(rename = "match")]
    matching: Match,
    #[serde(default)]
    disabled: bool,
    sources: Option<Vec<Source>>,
    #[serde(default, deserialize_with = "given")]
    allow_consumers: Option<Option<Vec<Name>>>,
    #[serde(default, deserialize_with = "given")]
    allow_groups: Option<Option<Vec<Name>>>,
    #[serde(default, deserialize_with = "given")]
    anonymous: Option<Option<Name>>,
    hide_credentials: Option<bool>,
    shadow: Option<bool>,
    realm: Option<Name>,
    body: Option<BodyKind>,
}

fn api_key_header() -> Vec<Source> {
    let name = HeaderName::try_from("x-api-key".to_owned());
    let prefix = String::new();
    name.into_iter()
        .map(|name| Source::Header {
            name,
            prefix: prefix.clone(),
        })
        .collect()
}

fn yes() -> bool {
    true
}

fn api() -> Name {
    Name::from_static("api")
}

/// Tells `null` from a field that is not there.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Config {
    /// Checks what one field alone cannot know, and makes the policy.
    ///
    /// # Errors
    ///
    /// With the path of the first value that contradicts another.
    pub(crate) fn into_policy(self) -> Result<Policy, ConfigError> {
        if self.keys.is_empty() {
            return Err(ConfigError::at("keys", "needs at least one key"));
        }
        let keys = KeyRing::new(self.keys).map_err(|(first, second)| {
            ConfigError::at(
                format!("keys[{second}]"),
                format!("is the key of keys[{first}]"),
            )
        })?;
        let base = Profile {
            challenge: Challenge::new(&self.sources, &self.realm),
            sources: self.sources,
            access: Access::new(self.allow_consumers, self.allow_groups),
            anonymous: self.anonymous,
            hide_credentials: self.hide_credentials,
            shadow: self.shadow,
            realm: self.realm,
            body: self.body,
        };
        check(&base, &keys, "")?;
        let mut rules = Vec::with_capacity(self.rules.len());
        for (index, rule) in self.rules.into_iter().enumerate() {
            rules.push(rule.into_rule(&base, &keys, &format!("rules[{index}]"))?);
        }
        Ok(Policy {
            keys,
            consumer_header: self.consumer_header,
            base,
            rules,
        })
    }
}

impl RuleConfig {
    fn into_rule(self, base: &Profile, keys: &KeyRing, path: &str) -> Result<Rule, ConfigError> {
        let effect = if self.disabled {
            if self.overrides_something() {
                return Err(ConfigError::at(
                    format!("{path}.disabled"),
                    "a disabled rule takes no other setting than `match`",
                ));
            }
            Effect::Disabled
        } else {
            let profile = Profile {
                access: self.access(&base.access),
                sources: self.sources.unwrap_or_else(|| base.sources.clone()),
                anonymous: self.anonymous.unwrap_or_else(|| base.anonymous.clone()),
                hide_credentials: self.hide_credentials.unwrap_or(base.hide_credentials),
                shadow: self.shadow.unwrap_or(base.shadow),
                realm: self.realm.unwrap_or_else(|| base.realm.clone()),
                body: self.body.unwrap_or(base.body),
                challenge: Challenge::default(),
            };
            check(&profile, keys, &format!("{path}."))?;
            let challenge = Challenge::new(&profile.sources, &profile.realm);
            Effect::Check(Profile {
                challenge,
                ..profile
            })
        };
        Ok(Rule {
            matching: self.matching,
            effect,
        })
    }

    fn overrides_something(&self) -> bool {
        self.sources.is_some()
            || self.allow_consumers.is_some()
            || self.allow_groups.is_some()
            || self.anonymous.is_some()
            || self.hide_credentials.is_some()
            || self.shadow.is_some()
            || self.realm.is_some()
            || self.body.is_some()
    }

    /// The two lists are one decision: a rule that gives one of them replaces both.
    fn access(&self, base: &Access) -> Access {
        match (&self.allow_consumers, &self.allow_groups) {
            (None, None) => base.clone(),
            (consumers, groups) => {
                Access::new(consumers.clone().flatten(), groups.clone().flatten())
            }
        }
    }
}

/// Refuses what can never let anybody in: most likely it is misspelt.
fn check(profile: &Profile, keys: &KeyRing, path: &str) -> Result<(), ConfigError> {
    if profile.sources.is_empty() {
        return Err(ConfigError::at(
            format!("{path}sources"),
            "needs at least one source",
        ));
    }
    let Access::Listed { consumers, groups } = &profile.access else {
        return Ok(());
    };
    let anonymous = profile.anonymous.as_ref();
    for (index, name) in consumers.iter().enumerate() {
        if anonymous != Some(name) && !keys.iter().any(|key| key.consumer == *name) {
            return Err(ConfigError::at(
                format!("{path}allow_consumers[{index}]"),
                format!("no key belongs to a consumer `{}`", name.as_str()),
            ));
        }
    }
    for (index, name) in groups.iter().enumerate() {
        if !keys.iter().any(|key| key.groups.contains(name)) {
            return Err(ConfigError::at(
                format!("{path}allow_groups[{index}]"),
                format!("no key has a group `{}`", name.as_str()),
            ));
        }
    }
    if consumers.is_empty() && groups.is_empty() {
        return Err(ConfigError::at(
            format!("{path}allow_consumers"),
            "an empty list lets nobody in; leave it out to let every consumer in",
        ));
    }
    Ok(())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
