//! Which limits a request is counted against: from a request head to charges.

use tollgate_filter_common::{BodyKind, HeaderName, Match, PathMatch, Request};

use crate::address::Cidr;
use crate::gcra::Limit;
use crate::headers::HeaderStyle;
use crate::key::{Client, KeyPart, PartValue, Pattern, RemoteIp, client_address};
use crate::slots::{Fingerprint, Table};

/// The checked configuration.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) rules: Vec<Rule>,
    pub(crate) exempt: Vec<Exemption>,
    pub(crate) trusted_hops: u32,
    pub(crate) table: Table,
    pub(crate) reply: Reply,
}

/// How a client is told.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderStyle,
    pub(crate) retry_after: bool,
    pub(crate) status: u16,
    /// Whether gRPC clients see `UNAVAILABLE`, on which they retry, not `RESOURCE_EXHAUSTED`.
    pub(crate) grpc_unavailable: bool,
    pub(crate) body: BodyKind,
    pub(crate) message: String,
}

/// Requests that no rule counts.
#[derive(Debug)]
pub(crate) enum Exemption {
    Range(Cidr),
    Match(Match),
}

/// A limit for a group of requests.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) matching: Match,
    pub(crate) key: Vec<KeyPart>,
    pub(crate) limit: Limit,
    pub(crate) cost: Cost,
    pub(crate) overrides: Vec<Override>,
    pub(crate) on_missing_key: OnMissingKey,
    pub(crate) shadow: bool,
}

/// What a request counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cost {
    Fixed(u32),
    Header(HeaderName),
}

/// Another limit for some keys.
#[derive(Debug)]
pub(crate) struct Override {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) limit: Limit,
}

/// What a request without the key's values means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnMissingKey {
    Skip,
    Reject,
    FallbackIp,
}

/// What a rule makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    /// The rule is not for this request.
    NotMatched,
    /// The request lacks a value of the key and passes.
    Skipped,
    /// The request lacks a value of the key and does not pass.
    MissingKey,
    /// The request counts against a limit.
    Count {
        key: Fingerprint,
        limit: Limit,
        cost: u32,
    },
}

impl Policy {
    /// Says whether no rule counts the request.
    pub(crate) fn is_exempt<C: Client>(&self, request: &Request<'_, C>) -> Result<bool, C::Error> {
        for exemption in &self.exempt {
            let holds = match exemption {
                Exemption::Range(range) => client_address(request, self.trusted_hops)?
                    .is_some_and(|address| range.contains(address)),
                Exemption::Match(matching) => matching.fits(request)?,
            };
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Rule {
    /// Returns what the rule makes of a request.
    pub(crate) fn charge<C: Client>(
        &self,
        request: &Request<'_, C>,
        trusted_hops: u32,
    ) -> Result<Charge, C::Error> {
        if !self.matching.fits(request)? {
            return Ok(Charge::NotMatched);
        }
        let mut values = Vec::with_capacity(self.key.len());
        for part in &self.key {
            let path_value = |path: &[u8], name: &str| self.path_value(path, name);
            match part.value(request, path_value, trusted_hops)? {
                Some(value) => values.push(value),
                None => return self.charge_without_key(request, trusted_hops),
            }
        }
        let special = self
            .overrides
            .iter()
            .find(|special| special.is_for(&values));
        let limit = special.map_or(self.limit, |special| special.limit);
        self.count(request, limit, "key", &values)
    }

    fn charge_without_key<C: Client>(
        &self,
        request: &Request<'_, C>,
        trusted_hops: u32,
    ) -> Result<Charge, C::Error> {
        match self.on_missing_key {
            OnMissingKey::Skip => Ok(Charge::Skipped),
            OnMissingKey::Reject => Ok(Charge::MissingKey),
            OnMissingKey::FallbackIp => match RemoteIp::DEFAULT.value(request, trusted_hops)? {
                Some(value) => self.count(request, self.limit, "fallback_ip", &[value]),
                None => Ok(Charge::Skipped),
            },
        }
    }

    fn count<C: Client>(
        &self,
        request: &Request<'_, C>,
        limit: Limit,
        kind: &str,
        values: &[PartValue],
    ) -> Result<Charge, C::Error> {
        let cost = match &self.cost {
            Cost::Fixed(cost) => *cost,
            Cost::Header(name) => {
                let value = request.head().header(name.as_str())?;
                value.map_or(1, |value| cost_of(value.as_ref()))
            }
        };
        let texts: Vec<Vec<u8>> = values.iter().map(PartValue::to_bytes).collect();
        let mut parts = vec![self.name.as_bytes(), kind.as_bytes()];
        parts.extend(texts.iter().map(Vec::as_slice));
        let key = Fingerprint::new(&parts);
        Ok(Charge::Count { key, limit, cost })
    }

    fn path_value(&self, path: &[u8], name: &str) -> Option<Vec<u8>> {
        match &self.matching.path {
            Some(PathMatch::Template(template)) => {
                template.parameter(path, name).map(<[u8]>::to_vec)
            }
            _ => None,
        }
    }
}

/// Reads the cost in a header. What is no number counts for 1, as no header does.
fn cost_of(value: &[u8]) -> u32 {
    let text = std::str::from_utf8(value.trim_ascii()).unwrap_or_default();
    match text.parse::<u64>() {
        Ok(cost) => u32::try_from(cost).unwrap_or(u32::MAX).max(1),
        Err(_) => 1,
    }
}

impl Override {
    fn is_for(&self, values: &[PartValue]) -> bool {
        self.patterns
            .iter()
            .zip(values)
            .all(|(pattern, value)| pattern.fits(value))
    }
}

impl PartValue {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Address { counted, .. } => match counted {
                std::net::IpAddr::V4(address) => address.octets().to_vec(),
                std::net::IpAddr::V6(address) => address.octets().to_vec(),
            },
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
