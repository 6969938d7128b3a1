//! A filter that uses all of the SDK.

use std::net::IpAddr;
use std::time::Duration;

use tollgate::foreign::{self, ForeignCall, LifeSpan};
use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate::queue::Queue;
use tollgate::shared::{Kv, Update};
use tollgate::{Headers, RawConfig, SingleFlight, dns, grpc, http, task};

/// The filter.
pub(crate) struct Everything {
    fetch: SingleFlight<u16>,
    count: Counter<1>,
    data: Kv,
}

impl Plugin for Everything {
    const NAME: &'static str = "everything";
    type Config = RawConfig;

    async fn start(config: RawConfig, cx: &PluginCx) -> Result<Self, ConfigError> {
        match config.as_bytes().first() {
            Some(0) => drop(http::get("a", "/").send().await?),
            Some(1) => cx.set_tick_period(Some(Duration::from_millis(5)))?,
            Some(2) => cx.every(Duration::from_millis(7), || async {}),
            Some(3) => return Err(ConfigError::at("a", "wrong")),
            _ => cx.allow_stop_iteration(),
        }
        Ok(Self {
            fetch: SingleFlight::new(),
            count: Counter::new("count", ["label"]).limit_series(3),
            data: Kv::new("data"),
        })
    }

    async fn tick(&self, _cx: &PluginCx) {
        task::sleep(Duration::from_millis(3)).await;
    }
}

#[http_filter]
impl HttpFilter for Everything {
    type State = usize;
    const REQUEST_BODY: BodyAccess = BodyAccess::rewrite(100).holding_headers();

    async fn request(&self, ex: &mut Exchange<usize>) -> Result<(), Reject> {
        let names = ex.headers()?;
        ex.state = names
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let first = names.iter().next().map_or(b"".as_slice(), |(name, _)| name);
        match first.first().copied().unwrap_or_default() % 8 {
            0 => {
                let answer = http::get("a", "/").send().await?;
                ex.set_header("x", answer.header("x").unwrap_or_default())?;
            }
            1 => {
                let answer = grpc::call("a", "b", "c").send();
                let _late = task::timeout(Duration::from_millis(9), answer).await;
            }
            2 => {
                let mut stream = grpc::call("a", "b", "c").open()?;
                stream.send_last(b"x")?;
                let _metadata = stream.initial_metadata().await;
                while stream.message().await?.is_some() {}
            }
            3 => {
                let fetch = || async { http::get("a", "/").send().await.map_or(0, |a| a.status()) };
                ex.state = usize::from(self.fetch.run(fetch).await);
            }
            4 => {
                let both = task::join(dns::resolve("a"), http::get("a", "/").send()).await;
                ex.state = both.0?.len();
            }
            5 => {
                let slow = task::sleep(Duration::from_millis(1));
                let _either = task::select(slow, http::get("a", "/").send()).await;
            }
            6 => {
                let change =
                    |old: Option<&[u8]>| (Update::Put(vec![1; old.map_or(1, <[u8]>::len)]), ());
                self.data.update("key", change)?;
            }
            _ => read_properties(ex)?,
        }
        self.count.increment([&String::from_utf8_lossy(first)]);
        Ok(())
    }

    async fn request_body(&self, ex: &mut Exchange<usize>) -> Result<(), Reject> {
        let mut body = ex.body()?.into_bytes();
        body.reverse();
        Ok(ex.set_body(body)?)
    }

    async fn response(&self, ex: &mut Exchange<usize>) -> Result<(), Reject> {
        if ex.status()? == Some(503) {
            http::get("a", "/").send().await?;
        }
        Ok(())
    }

    fn response_chunk(&self, ex: &mut Exchange<usize>, chunk: &mut Chunk) -> Result<(), Reject> {
        ex.state = ex.state.wrapping_add(chunk.bytes()?.len());
        Ok(chunk.append(b">")?)
    }

    async fn response_trailers(&self, ex: &mut Exchange<usize>) -> Result<(), Reject> {
        Ok(ex.add_trailer("x", "1")?)
    }

    fn log(&self, ex: &mut Exchange<usize>) {
        log::info!("{:?} {:?}", ex.response_code(), ex.duration());
    }

    async fn queue_ready(&self, queue: Queue, _cx: &PluginCx) {
        let _item = queue.pop();
        task::sleep(Duration::from_millis(2)).await;
    }

    fn foreign_function(&self, call: &ForeignCall, _cx: &PluginCx) {
        let _arguments = call.arguments();
    }

    async fn stop(&self, _cx: &PluginCx) {
        task::sleep(Duration::from_millis(2)).await;
    }
}

fn read_properties(ex: &mut Exchange<usize>) -> Result<(), Error> {
    let _ip: Option<IpAddr> = ex.prop(path!["source", "address"])?;
    let _number: Option<u64> = ex.prop("a")?;
    let _truth: Option<bool> = ex.prop("b")?;
    let map: Option<Headers> = ex.prop(path!["request", "headers"])?;
    ex.state = map.map_or(0, |map| map.iter().count());
    foreign::set_filter_state("key", [7; 200], LifeSpan::DownstreamConnection)?;
    ex.set_headers([("a", "b")])
}
