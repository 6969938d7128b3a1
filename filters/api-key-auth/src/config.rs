//! The configuration as the operator writes it, and its way to a checked [`Policy`].

use tollgate_filter_common::json::{Fault, FromJson, Node, Object};
use tollgate_filter_common::{BodyKind, HeaderName, Match};

use crate::challenge::Challenge;
use crate::key_ring::{Key, KeyRing};
use crate::name::Name;
use crate::policy::{Access, Effect, Policy, Profile, Rule};
use crate::source::Source;

/// How many keys there may be: each request is compared with every one of them.
const MOST_KEYS: usize = 10_000;

/// What the operator writes.
#[derive(Debug)]
pub(crate) struct Config {
    keys: Vec<Key>,
    consumer_header: Option<HeaderName>,
    settings: Settings,
    rules: Vec<RuleConfig>,
}

#[derive(Debug)]
struct RuleConfig {
    matching: Match,
    disabled: bool,
    settings: Settings,
}

/// What stands at the top and can be changed by a rule. There `null`, where it is allowed, takes
/// away what the top says.
#[derive(Debug, PartialEq, Eq)]
struct Settings {
    sources: Option<Vec<Source>>,
    allow_consumers: Option<Option<Vec<Name>>>,
    allow_groups: Option<Option<Vec<Name>>>,
    anonymous: Option<Option<Name>>,
    hide_credentials: Option<bool>,
    shadow: Option<bool>,
    realm: Option<Name>,
    body: Option<BodyKind>,
}

const TOP_FIELDS: [&str; 11] = [
    "sources",
    "keys",
    "allow_consumers",
    "allow_groups",
    "anonymous",
    "consumer_header",
    "hide_credentials",
    "shadow",
    "realm",
    "body",
    "rules",
];

const RULE_FIELDS: [&str; 10] = [
    "match",
    "disabled",
    "sources",
    "allow_consumers",
    "allow_groups",
    "anonymous",
    "hide_credentials",
    "shadow",
    "realm",
    "body",
];

impl FromJson for Config {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&TOP_FIELDS)?;
        Ok(Self {
            keys: object.required("keys")?,
            consumer_header: object.or("consumer_header", None)?,
            settings: Settings::read(&object)?,
            rules: object.or("rules", Vec::new())?,
        })
    }
}

impl FromJson for RuleConfig {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&RULE_FIELDS)?;
        Ok(Self {
            matching: object.required("match")?,
            disabled: object.or("disabled", false)?,
            settings: Settings::read(&object)?,
        })
    }
}

impl Settings {
    fn read(object: &Object<'_>) -> Result<Self, Fault> {
        Ok(Self {
            sources: object.optional("sources")?,
            allow_consumers: object.optional("allow_consumers")?,
            allow_groups: object.optional("allow_groups")?,
            anonymous: object.optional("anonymous")?,
            hide_credentials: object.optional("hide_credentials")?,
            shadow: object.optional("shadow")?,
            realm: object.optional("realm")?,
            body: object.optional("body")?,
        })
    }

    fn is_empty(&self) -> bool {
        self.sources.is_none()
            && self.allow_consumers.is_none()
            && self.allow_groups.is_none()
            && self.anonymous.is_none()
            && self.hide_credentials.is_none()
            && self.shadow.is_none()
            && self.realm.is_none()
            && self.body.is_none()
    }

    /// Fills what is left out from above, and checks the whole. `path` ends in a dot unless empty.
    fn over(self, base: &Profile, keys: &KeyRing, path: &str) -> Result<Profile, Fault> {
        // The two lists are one decision: who gives one of them replaces both.
        let access = match (self.allow_consumers, self.allow_groups) {
            (None, None) => base.access.clone(),
            (consumers, groups) => Access::new(consumers.flatten(), groups.flatten()),
        };
        let mut profile = Profile {
            access,
            sources: self.sources.unwrap_or_else(|| base.sources.clone()),
            anonymous: self.anonymous.unwrap_or_else(|| base.anonymous.clone()),
            hide_credentials: self.hide_credentials.unwrap_or(base.hide_credentials),
            shadow: self.shadow.unwrap_or(base.shadow),
            realm: self.realm.unwrap_or_else(|| base.realm.clone()),
            body: self.body.unwrap_or(base.body),
            challenge: Challenge::default(),
        };
        profile.challenge = Challenge::new(&profile.sources, &profile.realm);
        check(&profile, keys, path)?;
        Ok(profile)
    }
}

/// What holds where nothing is written.
fn defaults() -> Profile {
    let name = HeaderName::from_static("x-api-key");
    let prefix = String::new();
    Profile {
        sources: vec![Source::Header { name, prefix }],
        access: Access::Everyone,
        anonymous: None,
        hide_credentials: true,
        shadow: false,
        realm: Name::from_static("api"),
        body: BodyKind::ProblemJson,
        challenge: Challenge::default(),
    }
}

impl Config {
    /// Checks what one field alone cannot know, and makes the policy.
    ///
    /// # Errors
    ///
    /// With the path of the first value that contradicts another.
    pub(crate) fn into_policy(self) -> Result<Policy, Fault> {
        if self.keys.len() > MOST_KEYS {
            let reason = "takes at most 10000 keys: each request is compared with all of them";
            return Err(Fault::at("keys".to_owned(), reason));
        }
        if self.keys.is_empty() {
            return Err(Fault::at("keys".to_owned(), "needs at least one key"));
        }
        let keys = KeyRing::new(self.keys).map_err(|(first, second)| {
            Fault::at(
                format!("keys[{second}]"),
                &format!("is the key of keys[{first}]"),
            )
        })?;
        let base = self.settings.over(&defaults(), &keys, "")?;
        let mut rules = Vec::with_capacity(self.rules.len());
        for (index, rule) in self.rules.into_iter().enumerate() {
            rules.push(rule.into_rule(&base, &keys, &format!("rules[{index}]."))?);
        }
        let is_read = |header: &HeaderName| {
            header.as_str() == "cookie" || rules.iter().any(|rule| rule.matching.reads(header))
        };
        let policy = Policy {
            keys,
            reads_consumer_header: self.consumer_header.as_ref().is_some_and(is_read),
            consumer_header: self.consumer_header,
            base,
            rules,
        };
        check_consumer_header(&policy)?;
        Ok(policy)
    }
}

/// The header is removed before a key is looked for, so it cannot carry one. `host` is Envoy's
/// other name for `:authority`, without which no request can be sent on.
fn check_consumer_header(policy: &Policy) -> Result<(), Fault> {
    let Some(header) = &policy.consumer_header else {
        return Ok(());
    };
    let of_rules = policy.rules.iter().filter_map(|rule| match &rule.effect {
        Effect::Check(profile) => Some(profile),
        Effect::Disabled => None,
    });
    let mut sources = of_rules
        .chain([&policy.base])
        .flat_map(|profile| &profile.sources);
    let is_source =
        sources.any(|source| matches!(source, Source::Header { name, .. } if name == header));
    if is_source || header.as_str() == "host" {
        let reason = "must be neither a source nor `host`";
        return Err(Fault::at("consumer_header".to_owned(), reason));
    }
    Ok(())
}

impl RuleConfig {
    fn into_rule(self, base: &Profile, keys: &KeyRing, path: &str) -> Result<Rule, Fault> {
        let effect = match (self.disabled, self.settings.is_empty()) {
            (false, _) => Effect::Check(self.settings.over(base, keys, path)?),
            (true, true) => Effect::Disabled,
            (true, false) => {
                let reason = "a disabled rule takes no other setting than `match`";
                return Err(Fault::at(format!("{path}disabled"), reason));
            }
        };
        let matching = self.matching;
        Ok(Rule { matching, effect })
    }
}

/// Refuses what can never let anybody in: most likely it is misspelt.
fn check(profile: &Profile, keys: &KeyRing, path: &str) -> Result<(), Fault> {
    if profile.sources.is_empty() {
        return Err(Fault::at(
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
            return Err(Fault::at(
                format!("{path}allow_consumers[{index}]"),
                &format!("no key belongs to a consumer `{}`", name.as_str()),
            ));
        }
    }
    for (index, name) in groups.iter().enumerate() {
        if !keys.iter().any(|key| key.groups.contains(name)) {
            return Err(Fault::at(
                format!("{path}allow_groups[{index}]"),
                &format!("no key has a group `{}`", name.as_str()),
            ));
        }
    }
    if consumers.is_empty() && groups.is_empty() {
        return Err(Fault::at(
            format!("{path}allow_consumers"),
            "an empty list lets nobody in; leave it out to let every consumer in",
        ));
    }
    Ok(())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
