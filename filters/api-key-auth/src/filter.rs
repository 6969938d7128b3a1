//! The policy in Proxy-Wasm: reads the request, acts on the decision, counts.

use tollgate::RawConfig;
use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate_filter_common::identity::CONSUMER_PROPERTY;
use tollgate_filter_common::{Request, RequestHead, cookie, json, query};

use crate::config::Config;
use crate::name::Name;
use crate::policy::{Decision, Policy, Profile, Refusal};
use crate::source::Source;

/// The filter.
#[derive(Debug)]
pub struct ApiKeyAuth {
    policy: Policy,
    requests: Counter<1>,
}

impl Plugin for ApiKeyAuth {
    const NAME: &'static str = "api-key-auth";
    type Config = RawConfig;

    async fn start(config: RawConfig, _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            policy: json::read::<Config>(config.as_bytes())?.into_policy()?,
            requests: Counter::new("api_key_auth", ["result"]),
        })
    }
}

#[http_filter]
impl HttpFilter for ApiKeyAuth {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        // Before anything is looked at: a rule must not see what the client claims to be either.
        if let Some(header) = &self.policy.consumer_header {
            ex.remove_header(header.as_str())?;
        }
        let now = || i64::try_from(ex.now().as_secs()).unwrap_or(i64::MAX);
        match self.policy.decide(&Request::new(&*ex), now)? {
            Decision::Exempt => {
                self.requests.increment(["exempt"]);
                Ok(())
            }
            Decision::Accept {
                consumer,
                is_anonymous,
                profile,
            } => {
                self.requests
                    .increment([if is_anonymous { "anonymous" } else { "allowed" }]);
                self.accept(ex, consumer, profile)
            }
            Decision::Refuse { refusal, profile } if profile.shadow => {
                self.requests.increment([refusal.shadow_name()]);
                Ok(())
            }
            Decision::Refuse { refusal, profile } => {
                self.requests.increment([refusal.name()]);
                Err(reject(refusal, profile, ex.is_grpc()?))
            }
        }
    }
}

impl ApiKeyAuth {
    fn accept(
        &self,
        ex: &mut Exchange<()>,
        consumer: &Name,
        profile: &Profile,
    ) -> Result<(), Reject> {
        ex.set_property(CONSUMER_PROPERTY, consumer.as_str())?;
        if let Some(header) = &self.policy.consumer_header {
            ex.set_header(header.as_str(), consumer.as_str())?;
        }
        // In shadow mode somebody else still decides, by the same key.
        if profile.hide_credentials && !profile.shadow {
            for source in &profile.sources {
                hide(ex, source)?;
            }
        }
        Ok(())
    }
}

/// Takes the key out of the request, from every place where it may be.
fn hide(ex: &mut Exchange<()>, source: &Source) -> Result<(), Error> {
    match source {
        Source::Header { name, .. } => ex.remove_header(name.as_str()),
        Source::Query(name) => match query::remove(&ex.path()?, name) {
            Some(path) => ex.set_header(":path", path),
            None => Ok(()),
        },
        Source::Cookie(name) => {
            let Some(cookies) = ex.cookies()? else {
                return Ok(());
            };
            match cookie::remove(&cookies, name.as_str()) {
                cookie::Removal::Unchanged => Ok(()),
                cookie::Removal::Rest(rest) => ex.set_header("cookie", rest),
                cookie::Removal::Nothing => ex.remove_header("cookie"),
            }
        }
    }
}

fn reject(refusal: Refusal, profile: &Profile, is_grpc: bool) -> Reject {
    let status = refusal.status();
    let mut reject = Reject::new(status).details(refusal.details());
    if status == 401 {
        reject = reject.header("www-authenticate", profile.challenge.value(refusal));
    }
    if is_grpc {
        // The body becomes `grpc-message`, so it is the message alone.
        let grpc_status = match refusal {
            Refusal::MissingKey | Refusal::InvalidKey | Refusal::ExpiredKey => {
                GrpcStatus::Unauthenticated
            }
            Refusal::Forbidden => GrpcStatus::PermissionDenied,
        };
        return reject.grpc_status(grpc_status).body(refusal.message());
    }
    let body = profile.body;
    reject
        .header("content-type", body.content_type())
        .body(body.render(status, refusal.title(), refusal.message()))
}
