//! Turns lines of `name=value` into JSON on the way in, and answers in upper case.

use std::fmt::Write as _;

use tollgate::prelude::*;

/// A filter that sees bodies as a whole.
#[derive(Debug)]
pub struct RewriteBody;

impl Plugin for RewriteBody {
    const NAME: &'static str = "rewrite-body";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for RewriteBody {
    type State = ();

    const REQUEST_BODY: BodyAccess = BodyAccess::rewrite(16 * 1024);
    const RESPONSE_BODY: BodyAccess = BodyAccess::rewrite(64 * 1024);

    async fn request_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let body = ex.body()?;
        let text = body.to_str().map_err(|_| Reject::new(415))?;
        let json = to_json(text).ok_or_else(|| Reject::new(400).body("want name=value\n"))?;
        Ok(ex.set_body(json)?)
    }

    async fn response_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let loud = ex.body()?.to_ascii_uppercase();
        Ok(ex.set_body(loud)?)
    }
}

/// Returns `None` when a line is no `name=value`.
fn to_json(lines: &str) -> Option<String> {
    let mut json = String::from("{");
    for line in lines.lines() {
        let (name, value) = line.split_once('=')?;
        if json.len() > 1 {
            json.push(',');
        }
        // The words of this example need no more escapes than Rust's.
        write!(json, "{name:?}:{value:?}").ok()?;
    }
    json.push('}');
    Some(json)
}
