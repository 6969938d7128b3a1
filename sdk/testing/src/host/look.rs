//! Looking: what a filter logged, counted, stored and kept.

use tollgate_abi::{LogLevel, MetricType};
use tollgate_runtime::DequeueError;

use super::TestHost;
use crate::upstream::UpstreamRequest;

/// What a histogram has recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

/// Looking.
impl TestHost {
    /// Returns the filter's log lines.
    #[must_use]
    pub fn log(&self) -> Vec<(LogLevel, String)> {
        self.world.log.borrow().clone()
    }

    /// Returns the time, in nanoseconds since 1970.
    #[must_use]
    pub fn now_nanos(&self) -> u64 {
        self.world.now.get()
    }

    /// Returns the requests that the filter sent to clusters, with the clusters' names.
    #[must_use]
    pub fn callouts(&self) -> Vec<(String, UpstreamRequest)> {
        self.world.callouts.borrow().clone()
    }

    /// Returns how often the filter has made a hostcall, such as `proxy_get_property`.
    #[must_use]
    pub fn hostcalls(&self, name: &str) -> usize {
        self.world.injections.count(name)
    }

    /// Returns a counter's or gauge's value, or how often a histogram recorded; 0 if there is no
    /// such metric. `requests{result=ok}` is the series the SDK names `result.ok.requests`.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        let reading = self.world.reading(&flattened(name), None);
        reading.map_or(0, |metric| metric.value)
    }

    /// Returns a counter's value; `None` if the filter has not defined it.
    #[must_use]
    pub fn counter(&self, name: &str) -> Option<u64> {
        let kind = Some(MetricType::Counter);
        let reading = self.world.reading(&flattened(name), kind);
        reading.map(|metric| metric.value)
    }

    /// Returns a gauge's value; `None` if the filter has not defined it.
    #[must_use]
    pub fn gauge(&self, name: &str) -> Option<u64> {
        let kind = Some(MetricType::Gauge);
        let reading = self.world.reading(&flattened(name), kind);
        reading.map(|metric| metric.value)
    }

    /// Returns what a histogram has recorded; `None` if the filter has not defined it.
    #[must_use]
    pub fn histogram(&self, name: &str) -> Option<Histogram> {
        let kind = Some(MetricType::Histogram);
        let reading = self.world.reading(&flattened(name), kind)?;
        Some(Histogram {
            count: reading.value,
            sum: reading.sum,
        })
    }

    /// Returns a value of the shared data.
    #[must_use]
    pub fn shared_data(&self, key: &str) -> Option<Vec<u8>> {
        let entry = self.world.shared.data().get("", key.as_bytes());
        entry.map(|(value, _)| value.to_vec())
    }

    /// Stores a value in the shared data, as another worker would.
    ///
    /// # Panics
    ///
    /// When the shared data is full.
    pub fn set_shared_data(&self, key: &str, value: impl AsRef<[u8]>) {
        let set = self
            .world
            .shared
            .data()
            .set("", key.as_bytes(), value.as_ref(), 0);
        assert!(set.is_ok(), "{set:?}");
    }

    /// Adds an item to a shared queue; whoever has registered the queue is told when time passes.
    ///
    /// # Panics
    ///
    /// When the queue is full, or nobody has registered it.
    #[track_caller]
    pub fn enqueue(&self, queue: &str, item: impl AsRef<[u8]>) {
        let queues = self.world.shared.queues();
        let token = queues.resolve("", queue.as_bytes());
        assert!(token.is_some(), "nobody has registered the queue {queue:?}");
        let added = queues.enqueue(token.unwrap_or_default(), item.as_ref());
        assert!(added.is_ok(), "{added:?}");
    }

    /// Takes the first item out of a shared queue; `None` when it is empty or not registered.
    #[must_use]
    pub fn dequeue(&self, queue: &str) -> Option<Vec<u8>> {
        let queues = self.world.shared.queues();
        let token = queues.resolve("", queue.as_bytes())?;
        let item: Result<_, DequeueError> = queues.dequeue(token);
        item.ok().map(|item| item.to_vec())
    }
}

/// Assertions.
#[expect(
    clippy::missing_panics_doc,
    reason = "an assertion that does not hold fails the test"
)]
impl TestHost {
    /// Asserts that a log line of this level contains a text.
    #[track_caller]
    pub fn assert_logged(&self, level: LogLevel, part: &str) {
        let log = self.log();
        let found = log
            .iter()
            .any(|(at, line)| *at == level && line.contains(part));
        assert!(
            found,
            "no {} line contains {part:?}: {log:#?}",
            level.name()
        );
    }

    /// Asserts that no log line of any level contains a text.
    #[track_caller]
    pub fn assert_not_logged(&self, part: &str) {
        let log = self.log();
        let found = log.iter().find(|(_, line)| line.contains(part));
        assert_eq!(found, None, "a line contains {part:?}");
    }

    /// Asserts that the filter logged nothing at this level or a more severe one.
    #[track_caller]
    pub fn assert_quiet(&self, level: LogLevel) {
        let log = self.log();
        let loud = log.iter().find(|(at, _)| at.to_u32() >= level.to_u32());
        assert_eq!(loud, None, "nothing from {} on", level.name());
    }

    /// Asserts a counter's value.
    #[track_caller]
    pub fn assert_counter(&self, name: &str, value: u64) {
        assert_eq!(
            self.counter(name),
            Some(value),
            "{:#?}",
            self.world.readings()
        );
    }

    /// Asserts a gauge's value.
    #[track_caller]
    pub fn assert_gauge(&self, name: &str, value: u64) {
        assert_eq!(
            self.gauge(name),
            Some(value),
            "{:#?}",
            self.world.readings()
        );
    }

    /// Asserts how many values a histogram has recorded, and their sum.
    #[track_caller]
    pub fn assert_histogram(&self, name: &str, count: u64, sum: u64) {
        assert_eq!(
            self.histogram(name),
            Some(Histogram { count, sum }),
            "{:#?}",
            self.world.readings()
        );
    }

    /// Asserts that the filter kept nothing of what is over: no context of a stream or connection,
    /// no callout. Streams that are still open count as kept.
    #[track_caller]
    pub fn assert_nothing_leaked(&self) {
        assert_eq!(self.leaks(), Vec::<String>::new(), "what the filter kept");
    }
}

impl TestHost {
    /// What the filter keeps of what is over.
    pub(crate) fn leaks(&self) -> Vec<String> {
        let mut leaks = Vec::new();
        let engines = self.engines.get().map(Vec::as_slice).unwrap_or_default();
        for (worker, engine) in engines.iter().enumerate() {
            let (streams, awaited) = (engine.streams(), engine.awaited());
            if streams > 0 {
                leaks.push(format!("worker {worker}: {streams} contexts of streams"));
            }
            if awaited > 0 {
                leaks.push(format!("worker {worker}: {awaited} callouts are awaited"));
            }
        }
        if self.world.schedule.has_callouts() {
            leaks.push("a callout is still on its way".to_owned());
        }
        if !self.world.grpc_streams.borrow().is_empty() {
            leaks.push("a gRPC stream is still open".to_owned());
        }
        leaks
    }
}

/// `requests{result=ok,route=a}` as `result.ok.route.a.requests`.
fn flattened(name: &str) -> String {
    let Some((name, labels)) = name.strip_suffix('}').and_then(|name| name.split_once('{')) else {
        return name.to_owned();
    };
    let labels = labels.split(',').filter_map(|label| label.split_once('='));
    let labels = labels.fold(String::new(), |all, (label, value)| {
        all + label.trim() + "." + &value.trim().replace('.', "_") + "."
    });
    labels + name
}

#[cfg(test)]
mod tests {
    use super::flattened;

    #[test]
    fn labels_come_before_the_name() {
        assert_eq!(flattened("hits"), "hits");
        assert_eq!(
            flattened("hits{result=ok,route=a.b}"),
            "result.ok.route.a_b.hits"
        );
    }
}
