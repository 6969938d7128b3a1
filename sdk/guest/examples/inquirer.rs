//! A filter that asks around: a name server for an address, a gRPC service whether it may pass,
//! and another one, by a stream, how it is to be greeted.

use std::time::Duration;

use tollgate::grpc::{self, GrpcError};
use tollgate::prelude::*;
use tollgate::{dns, http_filter};

pub(crate) struct Inquirer;

impl Plugin for Inquirer {
    const NAME: &'static str = "inquirer";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Inquirer {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let path = ex.path()?;
        match &*path {
            b"/address" => {
                let addresses = dns::resolve("service.test")
                    .await
                    .map_err(|_| Reject::new(502))?;
                Ok(ex.set_header("x-addresses", addresses.len().to_string())?)
            }
            b"/greet" => {
                let greeting = self.greeting().await?;
                Ok(ex.set_header("x-greeting", greeting)?)
            }
            path => {
                let verdict = grpc::call("authorizer", "auth.v1.Authorizer", "Check")
                    .metadata("x-tenant", "blue")
                    .message(path)
                    .timeout(Duration::from_millis(100))
                    .send()
                    .await?;
                Ok(ex.set_header("x-verdict", verdict)?)
            }
        }
    }
}

impl Inquirer {
    /// Asks word by word, and reads until the other side has no more to say.
    async fn greeting(&self) -> Result<Vec<u8>, GrpcError> {
        let mut stream = grpc::call("greeter", "greet.v1.Greeter", "Greet").open()?;
        stream.send("hello")?;
        stream.send_last("world")?;
        let mut greeting = Vec::new();
        while let Some(word) = stream.message().await? {
            greeting.extend_from_slice(&word);
        }
        Ok(greeting)
    }
}

plugins! { Inquirer }
