//! Asks by gRPC, in messages and in bytes, and by DNS.

use std::time::Duration;

use tollgate::grpc::{self, GrpcError, GrpcRequest};
use tollgate::prelude::*;
use tollgate::{dns, task};

/// A message with a name.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Asking;

impl Plugin for Asking {
    const NAME: &'static str = "asking";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Asking {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        match ex.path()?.as_bytes() {
            b"/bytes" => {
                let answer = method("origin-http2", "Call").message("question").send();
                crate::tell(format!("{:?}", answer.await))
            }
            b"/message" => {
                let name = "question".to_owned();
                let answer: Result<Named, GrpcError> =
                    method("origin-http2", "Name").ask(&Named { name }).await;
                crate::tell(format!("{answer:?}"))
            }
            b"/nowhere" => {
                let call = method("nowhere", "Call").send().await;
                let stream = method("nowhere", "Call").open();
                crate::tell(format!("{call:?} {:?}", stream.err()))
            }
            b"/stream" => crate::tell(talk().await?),
            b"/typed" => {
                let mut stream = method("origin-http2", "Names").open()?;
                stream.tell(&Named { name: "one".into() })?;
                stream.finish()?;
                let mut names = Vec::new();
                while let Some(Named { name }) = stream.hear().await? {
                    names.push(name);
                }
                crate::tell(names.join(" "))
            }
            b"/cancel" => {
                let call = method("origin-http2", "Late").send();
                let late = task::timeout(Duration::from_millis(30), call).await;
                let mut stream = method("origin-http2", "Late").open()?;
                let none = task::timeout(Duration::from_millis(30), stream.message()).await;
                crate::tell(format!("{late:?} {none:?}"))
            }
            b"/dns" => {
                let addresses = dns::resolve("localhost").await?;
                let local = addresses.iter().all(|address| address.ip.is_loopback());
                crate::tell(format!("{} {local}", addresses.is_empty()))
            }
            _ => Ok(()),
        }
    }
}

fn method(cluster: &str, name: &str) -> GrpcRequest {
    grpc::call(cluster, "workshop.Service", name)
        .metadata("x-asked-by", "workshop")
        .timeout(Duration::from_secs(5))
}

async fn talk() -> Result<String, GrpcError> {
    let mut stream = method("origin-http2", "Talk").open()?;
    stream.send("one")?;
    stream.send_last("two")?;
    let begin = stream.initial_metadata().await?;
    let mut text = format!(
        "{:?}",
        begin.get("x-begin").map(<[u8]>::escape_ascii).is_some()
    );
    while let Some(message) = stream.message().await? {
        text.push_str(&format!(" {message:?}"));
    }
    let end = stream.trailing_metadata().unwrap_or_default();
    text.push_str(&format!(" {:?}", end.get("x-end").is_some()));
    Ok(text)
}
