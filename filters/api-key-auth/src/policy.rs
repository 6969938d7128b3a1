//! Who may pass: from a request head to a decision.

use tollgate_filter_common::{BodyKind, HeaderName, Match, Request, RequestHead};

use crate::challenge::Challenge;
use crate::key_ring::{Key, KeyRing};
use crate::name::Name;
use crate::source::Source;

/// The checked configuration.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) keys: KeyRing,
    /// The header that tells the upstream who the client is; a client's own is always removed.
    pub(crate) consumer_header: Option<HeaderName>,
    /// Whether a decision depends on that header, so that the client's has to go first.
    pub(crate) reads_consumer_header: bool,
    pub(crate) base: Profile,
    pub(crate) rules: Vec<Rule>,
}

/// What is asked of a group of requests.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// Where the key may be; the first place that has one counts.
    pub(crate) sources: Vec<Source>,
    pub(crate) access: Access,
    pub(crate) anonymous: Option<Name>,
    /// Whether the key is taken out of the request before it goes upstream.
    pub(crate) hide_credentials: bool,
    /// Whether refusals are only counted.
    pub(crate) shadow: bool,
    pub(crate) realm: Name,
    /// The form of the body of a refusal.
    pub(crate) body: BodyKind,
    /// What a 401 asks for.
    pub(crate) challenge: Challenge,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) matching: Match,
    pub(crate) effect: Effect,
}

#[derive(Debug)]
pub(crate) enum Effect {
    Disabled,
    Check(Profile),
}

/// Which of the known consumers may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    Everyone,
    Listed {
        consumers: Vec<Name>,
        groups: Vec<Name>,
    },
}

impl Access {
    pub(crate) fn new(consumers: Option<Vec<Name>>, groups: Option<Vec<Name>>) -> Self {
        if consumers.is_none() && groups.is_none() {
            return Self::Everyone;
        }
        Self::Listed {
            consumers: consumers.unwrap_or_default(),
            groups: groups.unwrap_or_default(),
        }
    }

    fn admits(&self, consumer: &Name, groups: &[Name]) -> bool {
        match self {
            Self::Everyone => true,
            Self::Listed {
                consumers,
                groups: listed,
            } => consumers.contains(consumer) || groups.iter().any(|group| listed.contains(group)),
        }
    }
}

/// What happens to a request.
#[derive(Debug)]
pub(crate) enum Decision<'p> {
    /// A rule exempts the request: nothing is asked of it.
    Exempt,
    /// The request passes in the name of a consumer.
    Accept {
        /// Who the client is.
        consumer: &'p Name,
        /// Whether nobody presented a key.
        is_anonymous: bool,
        /// What was asked.
        profile: &'p Profile,
    },
    /// The request does not pass.
    Refuse {
        /// Why.
        refusal: Refusal,
        /// What was asked.
        profile: &'p Profile,
    },
}

/// Why a request does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no key in any source.
    MissingKey,
    /// Nobody has this key.
    InvalidKey,
    /// The time of the key is over.
    ExpiredKey,
    /// The key is fine, but its consumer may not do this.
    Forbidden,
}

impl Policy {
    /// Decides about a request. `now`, in seconds since 1970, is asked for only when the key
    /// expires at all.
    ///
    /// # Errors
    ///
    /// When the head cannot be read: the request must not pass then.
    pub(crate) fn decide<H: RequestHead>(
        &self,
        request: &Request<'_, H>,
        now: impl Fn() -> i64,
    ) -> Result<Decision<'_>, H::Error> {
        let Some(profile) = self.profile(request)? else {
            return Ok(Decision::Exempt);
        };
        for source in &profile.sources {
            if let Some(key) = source.with_key(request, |key| self.keys.find(key))? {
                return Ok(profile.judge(key, now));
            }
        }
        Ok(profile.judge_anonymous())
    }

    /// Returns what the first rule that fits asks, or what the top asks.
    fn profile<H: RequestHead>(
        &self,
        request: &Request<'_, H>,
    ) -> Result<Option<&Profile>, H::Error> {
        for rule in &self.rules {
            if rule.matching.fits(request)? {
                return Ok(match &rule.effect {
                    Effect::Disabled => None,
                    Effect::Check(profile) => Some(profile),
                });
            }
        }
        Ok(Some(&self.base))
    }
}

impl Profile {
    fn judge<'p>(&'p self, key: Option<&'p Key>, now: impl Fn() -> i64) -> Decision<'p> {
        let Some(key) = key else {
            return self.refuse(Refusal::InvalidKey);
        };
        if key.expires.is_some_and(|expiry| expiry.0 <= now()) {
            return self.refuse(Refusal::ExpiredKey);
        }
        if !self.access.admits(&key.consumer, &key.groups) {
            return self.refuse(Refusal::Forbidden);
        }
        Decision::Accept {
            consumer: &key.consumer,
            is_anonymous: false,
            profile: self,
        }
    }

    fn judge_anonymous(&self) -> Decision<'_> {
        match &self.anonymous {
            Some(consumer) if self.access.admits(consumer, &[]) => Decision::Accept {
                consumer,
                is_anonymous: true,
                profile: self,
            },
            _ => self.refuse(Refusal::MissingKey),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Decision<'_> {
        Decision::Refuse {
            refusal,
            profile: self,
        }
    }
}

impl Refusal {
    /// Returns the HTTP status: 401 asks for another key, 403 does not.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::MissingKey | Self::InvalidKey | Self::ExpiredKey => 401,
            Self::Forbidden => 403,
        }
    }

    /// Returns the name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MissingKey => "missing_key",
            Self::InvalidKey => "invalid_key",
            Self::ExpiredKey => "expired_key",
            Self::Forbidden => "forbidden",
        }
    }

    /// Returns the name in metrics when the refusal is only counted.
    pub(crate) fn shadow_name(self) -> &'static str {
        match self {
            Self::MissingKey => "shadow_missing_key",
            Self::InvalidKey => "shadow_invalid_key",
            Self::ExpiredKey => "shadow_expired_key",
            Self::Forbidden => "shadow_forbidden",
        }
    }

    /// Returns the details of the response code.
    pub(crate) fn details(self) -> &'static str {
        match self {
            Self::MissingKey => "api_key_auth_missing_key",
            Self::InvalidKey => "api_key_auth_invalid_key",
            Self::ExpiredKey => "api_key_auth_expired_key",
            Self::Forbidden => "api_key_auth_forbidden",
        }
    }

    /// Returns the phrase of the status.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::MissingKey | Self::InvalidKey | Self::ExpiredKey => "Unauthorized",
            Self::Forbidden => "Forbidden",
        }
    }

    /// Returns what the client is told.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::MissingKey => "an API key is required",
            Self::InvalidKey => "the API key is not valid",
            Self::ExpiredKey => "the API key has expired",
            Self::Forbidden => "the API key is not allowed to do this",
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
