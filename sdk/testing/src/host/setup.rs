//! Setting up: what a filter finds around it.

use tollgate_abi::{LogLevel, Status, property};
use tollgate_runtime::PropertyValue;

use super::TestHost;
use crate::dns::DnsAnswer;
use crate::fault::Inject;
use crate::grpc::{GrpcAnswer, GrpcRequest};
use crate::upstream::{UpstreamRequest, UpstreamResponse};

/// Setting up.
impl TestHost {
    /// Sets the time, as `2026-01-31T12:00:00Z`; 2026-01-01 if it is not set.
    ///
    /// # Panics
    ///
    /// When the text is not such a time.
    #[must_use]
    #[track_caller]
    pub fn clock(self, time: &str) -> Self {
        let nanos = crate::clock::parse(time);
        assert!(
            nanos.is_some(),
            "{time:?} is not a time such as 2026-01-31T12:00:00Z"
        );
        self.world.now.set(nanos.unwrap_or_default());
        self
    }

    /// Runs the filter on so many workers: each has its own instance, and all share the shared
    /// data, the queues and the metrics.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Chooses the plugin of a module that has several.
    #[must_use]
    pub fn root_id(self, root_id: &str) -> Self {
        root_id.clone_into(&mut self.world.plugin.borrow_mut().root_id);
        self
    }

    /// Sets the configuration of the VM, as opposed to the plugin's.
    #[must_use]
    pub fn vm_configuration(self, configuration: impl AsRef<[u8]>) -> Self {
        self.world.plugin.borrow_mut().vm_configuration = configuration.as_ref().to_vec();
        self
    }

    /// Lets a headers callback hold the headers and still see the body, as
    /// `allow_on_headers_stop_iteration` does.
    #[must_use]
    pub fn allow_on_headers_stop_iteration(self) -> Self {
        self.world.plugin.borrow_mut().allows_stop_iteration = true;
        self
    }

    /// Makes the plugin an access logger: requests pass it by, and it is told of each when it has
    /// ended.
    #[must_use]
    pub fn access_logger(self) -> Self {
        self.world.plugin.borrow_mut().is_access_logger = true;
        self
    }

    /// Answers the filter's callouts to a cluster; [`in_turn`](crate::in_turn) answers each
    /// another way.
    #[must_use]
    pub fn upstream(
        self,
        cluster: &str,
        answer: impl Fn(&UpstreamRequest) -> UpstreamResponse + 'static,
    ) -> Self {
        self.world
            .clusters
            .borrow_mut()
            .insert(cluster.to_owned(), Some(Box::new(answer)));
        self
    }

    /// Makes a cluster without healthy endpoints.
    #[must_use]
    pub fn unavailable_upstream(self, cluster: &str) -> Self {
        self.world
            .clusters
            .borrow_mut()
            .insert(cluster.to_owned(), None);
        self
    }

    /// Answers gRPC callouts to a method of a cluster, named `package.Service/Method`: unary
    /// calls with one step, streams with each of theirs. Methods without an answer are
    /// unimplemented.
    ///
    /// # Panics
    ///
    /// When the name has no slash.
    #[must_use]
    #[track_caller]
    pub fn grpc(
        self,
        cluster: &str,
        method: &str,
        answer: impl Fn(&GrpcRequest) -> GrpcAnswer + 'static,
    ) -> Self {
        let method = method.trim_matches('/');
        assert!(
            method.contains('/'),
            "{method:?} is not package.Service/Method"
        );
        self.world
            .grpc
            .borrow_mut()
            .insert((cluster.to_owned(), method.to_owned()), Box::new(answer));
        self
    }

    /// Answers DNS lookups of a name; other names fail.
    #[must_use]
    pub fn dns(self, name: &str, answer: DnsAnswer) -> Self {
        self.world
            .names
            .borrow_mut()
            .insert(name.to_owned(), answer);
        self
    }

    /// Answers a foreign function, one of the test's own or one of Envoy's, from its arguments. On a
    /// module others are what Tollgate has; natively there are `clear_route_cache`,
    /// `declare_property` and `set_envoy_filter_state`.
    #[must_use]
    pub fn foreign_function(
        self,
        name: &str,
        answer: impl Fn(&[u8]) -> Result<Vec<u8>, Status> + 'static,
    ) -> Self {
        self.world
            .foreign_functions
            .borrow_mut()
            .insert(name.as_bytes().to_vec(), Box::new(answer));
        self
    }

    /// Answers the requests that the filter forwards; an empty 200 if it is not set.
    #[must_use]
    pub fn origin(self, answer: impl Fn(&UpstreamRequest) -> UpstreamResponse + 'static) -> Self {
        *self.origin.borrow_mut() = Some(Box::new(answer));
        self
    }

    /// Sets an attribute that exists outside requests, such as `["xds", "node", "id"]`.
    #[must_use]
    pub fn property<P: AsRef<[u8]>>(self, path: impl IntoIterator<Item = P>, value: &str) -> Self {
        let path = property::join(path);
        self.world
            .properties
            .borrow_mut()
            .insert(path, PropertyValue::text(value));
        self
    }

    /// Sets the level below which the host wants no log lines; every line if it is not set.
    #[must_use]
    pub fn log_level(self, level: LogLevel) -> Self {
        self.world.log_level.set(level);
        self
    }

    /// Has a hostcall fail, from the filter's start on.
    #[must_use]
    pub fn inject(self, inject: Inject) -> Self {
        self.inject_now(inject);
        self
    }

    /// Has a hostcall fail from now on.
    pub fn inject_now(&self, inject: Inject) {
        self.world.injections.add(inject);
    }

    /// Lets every hostcall work again.
    pub fn stop_injecting(&self) {
        self.world.injections.clear();
    }
}
