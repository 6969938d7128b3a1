//! The policy in Proxy-Wasm: reads the request, acts on the decision, counts.

use tollgate::RawConfig;
use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate_filter_common::identity::CONSUMER_PROPERTY;
use tollgate_filter_common::{Request, RequestHead, Token, cookie, json, query};

use crate::config::Config;
use crate::name::Name;
use crate::policy::{Decision, Policy, Profile, Refusal};
use crate::source::Source;

/// What usually becomes of a request. In shadow mode, which is for a while, there are more.
const RESULTS: [&str; 6] = [
    "anonymous",
    "exempt",
    Refusal::MissingKey.name(),
    Refusal::InvalidKey.name(),
    Refusal::ExpiredKey.name(),
    Refusal::Forbidden.name(),
];

/// The filter.
#[derive(Debug)]
pub struct ApiKeyAuth {
    policy: Policy,
    requests: Counter<1>,
    allowed: Counter<0>,
}

impl Plugin for ApiKeyAuth {
    const NAME: &'static str = "api-key-auth";
    type Config = RawConfig;

    async fn start(config: RawConfig, _cx: &PluginCx) -> Result<Self, ConfigError> {
        let policy = json::read::<Config>(config.as_bytes())?.into_policy()?;
        let requests = Counter::new("api_key_auth", ["result"]).define(&RESULTS.map(|it| [it]));
        Ok(Self {
            policy,
            allowed: requests.series(["allowed"]),
            requests,
        })
    }
}

#[http_filter]
impl HttpFilter for ApiKeyAuth {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        // A rule must not see what the client claims to be either.
        if self.policy.reads_consumer_header {
            self.remove_claim(ex)?;
        }
        let now = || i64::try_from(ex.now().as_secs()).unwrap_or(i64::MAX);
        let request = Request::new(&*ex);
        let decision = self.policy.decide(&request, now)?;
        let target = request.into_target();
        // Who is accepted gets the header set, which replaces what the client says.
        if !matches!(decision, Decision::Accept { .. }) {
            self.remove_claim(ex)?;
        }
        match decision {
            Decision::Exempt => {
                self.requests.increment(["exempt"]);
                Ok(())
            }
            Decision::Accept {
                consumer,
                is_anonymous,
                profile,
            } => {
                if is_anonymous {
                    self.requests.increment(["anonymous"]);
                } else {
                    self.allowed.increment([]);
                }
                self.accept(ex, consumer)?;
                // In shadow mode somebody else still decides, by the same key.
                if profile.hide_credentials && !profile.shadow {
                    hide(ex, &profile.sources, target)?;
                }
                Ok(())
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
    fn remove_claim(&self, ex: &mut Exchange<()>) -> Result<(), Error> {
        match &self.policy.consumer_header {
            Some(header) => ex.remove_header(header.as_str()),
            None => Ok(()),
        }
    }

    fn accept(&self, ex: &mut Exchange<()>, consumer: &Name) -> Result<(), Error> {
        ex.set_property(CONSUMER_PROPERTY, consumer.as_str())?;
        match &self.policy.consumer_header {
            Some(header) => ex.set_header(header.as_str(), consumer.as_str()),
            None => Ok(()),
        }
    }
}

/// Takes the key out of the request, from every place where it may be. `target` is the request's,
/// where it is known.
fn hide(
    ex: &mut Exchange<()>,
    sources: &[Source],
    mut target: Option<Vec<u8>>,
) -> Result<(), Error> {
    for source in sources {
        match source {
            Source::Header { name, .. } => ex.remove_header(name.as_str())?,
            Source::Query(name) => {
                let known = match target.take() {
                    Some(known) => known,
                    None => ex.path()?.into_bytes(),
                };
                let rest = query::remove(&known, name);
                if let Some(rest) = &rest {
                    ex.set_header(":path", rest)?;
                }
                target = Some(rest.unwrap_or(known));
            }
            Source::Cookie(name) => hide_cookie(ex, name)?,
        }
    }
    Ok(())
}

fn hide_cookie(ex: &mut Exchange<()>, name: &Token) -> Result<(), Error> {
    let Some(cookies) = ex.cookies()? else {
        return Ok(());
    };
    match cookie::remove(&cookies, name.as_str()) {
        cookie::Removal::Unchanged => Ok(()),
        cookie::Removal::Rest(rest) => ex.set_header("cookie", rest),
        cookie::Removal::Nothing => ex.remove_header("cookie"),
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
