//! The policy in Proxy-Wasm: counts in shared data, refuses, and tells the client.

use std::net::IpAddr;

use tollgate::RawConfig;
use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate::shared::{Kv, Update};
use tollgate_filter_common::identity::CONSUMER_PROPERTY;
use tollgate_filter_common::{Request, json};

use crate::gcra::{Limit, Verdict};
use crate::headers::HeaderStyle;
use crate::key::Client;
use crate::policy::{Charge, Policy, Rule};
use crate::slots::{Fingerprint, Set};

/// The filter.
#[derive(Debug)]
pub struct LocalRateLimit {
    policy: Policy,
    slots: Kv,
    requests: Counter<2>,
    exempt: Counter<0>,
}

/// What the response tells: the position of each rule that counted, and its verdict.
#[derive(Debug, Default)]
pub struct Counted(Vec<(usize, Verdict)>);

/// What a rule did with a request, with its name in metrics.
#[derive(Debug, Clone, Copy)]
enum Settled {
    NotMatched,
    Passed(&'static str),
    Refused {
        name: &'static str,
        shadow_name: &'static str,
    },
}

impl Plugin for LocalRateLimit {
    const NAME: &'static str = "local-rate-limit";
    type Config = RawConfig;

    async fn start(config: RawConfig, _cx: &PluginCx) -> Result<Self, ConfigError> {
        let policy: Policy = json::read(config.as_bytes())?;
        let rules = policy.rules.iter().map(|rule| rule.name.as_str());
        let usual: Vec<_> = rules.map(|rule| [rule, "allowed"]).collect();
        Ok(Self {
            slots: Kv::new("local_rate_limit"),
            requests: Counter::new("local_rate_limit", ["rule", "result"]).define(&usual),
            exempt: Counter::new("local_rate_limit_exempt", []).define(&[[]]),
            policy,
        })
    }
}

#[http_filter]
impl HttpFilter for LocalRateLimit {
    type State = Counted;

    async fn request(&self, ex: &mut Exchange<Counted>) -> Result<(), Reject> {
        let mut counted = Vec::new();
        let refused = self.refused(ex, &mut counted)?;
        if let Some(rule) = refused {
            return Err(self.reject(rule, &counted, ex.is_grpc()?));
        }
        if self.policy.reply.headers != HeaderStyle::None {
            ex.state = Counted(counted);
        }
        Ok(())
    }

    async fn response(&self, ex: &mut Exchange<Counted>) -> Result<(), Reject> {
        let counted = std::mem::take(&mut ex.state).0;
        if counted.is_empty() {
            return Ok(());
        }
        for (name, value) in self.policy.reply.headers.fields(&self.named(&counted)) {
            ex.set_header(name, value)?;
        }
        Ok(())
    }
}

impl LocalRateLimit {
    /// Counts the request by every rule until one refuses; returns that one.
    fn refused(
        &self,
        ex: &Exchange<Counted>,
        counted: &mut Vec<(usize, Verdict)>,
    ) -> Result<Option<&Rule>, Error> {
        let request = Request::new(ex);
        if self.policy.is_exempt(&request)? {
            self.exempt.increment([]);
            return Ok(None);
        }
        let now = ex.now().as_nanos();
        for (position, rule) in self.policy.rules.iter().enumerate() {
            let charge = rule.charge(&request, self.policy.trusted_hops)?;
            let (result, verdict) = self.settle(charge, now);
            if !rule.shadow {
                counted.extend(verdict.map(|verdict| (position, verdict)));
            }
            match (result, rule.shadow) {
                (Settled::NotMatched, _) => {}
                (Settled::Passed(name), _) => self.requests.increment([&rule.name, name]),
                (Settled::Refused { shadow_name, .. }, true) => {
                    self.requests.increment([&rule.name, shadow_name]);
                }
                (Settled::Refused { name, .. }, false) => {
                    self.requests.increment([&rule.name, name]);
                    return Ok(Some(rule));
                }
            }
        }
        Ok(None)
    }

    fn settle(&self, charge: Charge, now: u64) -> (Settled, Option<Verdict>) {
        let missing_key = Settled::Refused {
            name: "missing_key",
            shadow_name: "shadow_missing_key",
        };
        let limited = Settled::Refused {
            name: "limited",
            shadow_name: "shadow_limited",
        };
        match charge {
            Charge::NotMatched => (Settled::NotMatched, None),
            Charge::Skipped => (Settled::Passed("skipped"), None),
            Charge::MissingKey => (missing_key, None),
            Charge::Count { key, limit, cost } => match self.take(&key, limit, now, cost) {
                Ok(verdict) if verdict.is_allowed() => (Settled::Passed("allowed"), Some(verdict)),
                Ok(verdict) => (limited, Some(verdict)),
                // Other workers were faster 32 times: no reason to refuse a client.
                Err(error) => {
                    log::debug!("{error}");
                    (Settled::Passed("error"), None)
                }
            },
        }
    }

    /// Takes from a key's limit, together with all workers.
    fn take(&self, key: &Fingerprint, limit: Limit, now: u64, cost: u32) -> Result<Verdict, Error> {
        self.slots.update(self.policy.table.set(key), |value| {
            let mut set = Set::new(value);
            let verdict = limit.take(set.tat(key).unwrap_or(0), now, cost);
            if !verdict.is_allowed() {
                return (Update::Keep, verdict);
            }
            set.put(key, verdict.tat());
            (Update::Put(set.into_value()), verdict)
        })
    }

    fn named<'s>(&'s self, counted: &[(usize, Verdict)]) -> Vec<(&'s str, Verdict)> {
        let name = |position: usize| {
            self.policy
                .rules
                .get(position)
                .map(|rule| rule.name.as_str())
        };
        counted
            .iter()
            .filter_map(|(position, verdict)| Some((name(*position)?, *verdict)))
            .collect()
    }

    fn reject(&self, rule: &Rule, counted: &[(usize, Verdict)], is_grpc: bool) -> Reject {
        let reply = &self.policy.reply;
        let mut reject =
            Reject::new(reply.status).details(format!("local_rate_limit_{}", rule.name));
        for (name, value) in reply.headers.fields(&self.named(counted)) {
            reject = reject.header(name, value);
        }
        let wait = counted
            .iter()
            .map(|(_, verdict)| verdict.retry_seconds())
            .max()
            .unwrap_or(0);
        if reply.retry_after && wait > 0 {
            reject = reject.header("retry-after", wait.to_string());
        }
        if is_grpc {
            let status = if reply.grpc_unavailable {
                GrpcStatus::Unavailable
            } else {
                GrpcStatus::ResourceExhausted
            };
            return reject.grpc_status(status).body(&reply.message);
        }
        let title = match reply.status {
            429 => "Too Many Requests",
            503 => "Service Unavailable",
            _ => "Request Refused",
        };
        reject
            .header("content-type", reply.body.content_type())
            .body(reply.body.render(reply.status, title, &reply.message))
    }
}

impl Client for Exchange<Counted> {
    fn remote_ip(&self) -> Result<Option<IpAddr>, Error> {
        Self::remote_ip(self)
    }

    fn consumer(&self) -> Result<Option<HeaderValue>, Error> {
        self.property([CONSUMER_PROPERTY])
    }
}
