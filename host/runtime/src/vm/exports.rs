//! Exports: the guest's callbacks, looked up once. Absent ones are never called.

use std::collections::BTreeSet;

use tollgate_abi::AbiVersion;
use wasmtime::Module as Compiled;

use super::callback::Callback;
use crate::Module;
use crate::host::{Direction, TcpPeer};
use crate::module::{ON_REQUEST, ON_RESTORE};

/// Parameters of the longer callbacks.
type Three = (u32, u32, u32);
type Five = (u32, u32, u32, u32, u32);

/// A headers callback in the shape of its ABI.
#[derive(Clone, Debug)]
pub(crate) enum HeadersCallback {
    /// ABI 0.1.0: context, number of headers.
    Short(Callback<(u32, u32), u32>),
    /// ABI 0.2: and whether the stream ends.
    Full(Callback<Three, u32>),
}

/// The callbacks of one direction of an HTTP stream.
#[derive(Clone, Debug)]
pub(crate) struct DirectionCallbacks {
    pub(crate) headers: Option<HeadersCallback>,
    pub(crate) body: Option<Callback<Three, u32>>,
    pub(crate) trailers: Option<Callback<(u32, u32), u32>>,
}

/// The callbacks of a TCP connection.
#[derive(Clone, Debug)]
pub(crate) struct TcpCallbacks {
    pub(crate) on_new_connection: Option<Callback<u32, u32>>,
    on_downstream_data: Option<Callback<Three, u32>>,
    on_upstream_data: Option<Callback<Three, u32>>,
    on_downstream_close: Option<Callback<(u32, u32), ()>>,
    on_upstream_close: Option<Callback<(u32, u32), ()>>,
}

impl TcpCallbacks {
    pub(crate) fn on_data(&self, from: TcpPeer) -> Option<&Callback<Three, u32>> {
        match from {
            TcpPeer::Downstream => self.on_downstream_data.as_ref(),
            TcpPeer::Upstream => self.on_upstream_data.as_ref(),
        }
    }

    pub(crate) fn on_close(&self, of: TcpPeer) -> Option<&Callback<(u32, u32), ()>> {
        match of {
            TcpPeer::Downstream => self.on_downstream_close.as_ref(),
            TcpPeer::Upstream => self.on_upstream_close.as_ref(),
        }
    }
}

/// The callbacks of gRPC callouts.
#[derive(Clone, Debug)]
pub(crate) struct GrpcCallbacks {
    pub(crate) on_initial_metadata: Option<Callback<Three, ()>>,
    pub(crate) on_receive: Option<Callback<Three, ()>>,
    pub(crate) on_trailing_metadata: Option<Callback<Three, ()>>,
    pub(crate) on_close: Option<Callback<Three, ()>>,
}

/// The callbacks that a guest exports and its capabilities allow.
#[derive(Clone, Debug)]
pub(crate) struct Exports {
    pub(crate) on_context_create: Option<Callback<(u32, u32), ()>>,
    pub(crate) on_vm_start: Option<Callback<(u32, u32), u32>>,
    pub(crate) on_configure: Option<Callback<(u32, u32), u32>>,
    pub(crate) on_tick: Option<Callback<u32, ()>>,
    pub(crate) on_done: Option<Callback<u32, u32>>,
    pub(crate) on_log: Option<Callback<u32, ()>>,
    pub(crate) on_delete: Option<Callback<u32, ()>>,
    pub(crate) on_queue_ready: Option<Callback<(u32, u32), ()>>,
    pub(crate) on_http_call_response: Option<Callback<Five, ()>>,
    pub(crate) tcp: TcpCallbacks,
    pub(crate) on_resolve_dns: Option<Callback<Three, ()>>,
    pub(crate) on_restore: Option<Callback<(), ()>>,
    pub(crate) on_request: Option<Callback<Three, u32>>,
    pub(crate) grpc: GrpcCallbacks,
    request: DirectionCallbacks,
    response: DirectionCallbacks,
}

impl Exports {
    pub(crate) fn direction(&self, direction: Direction) -> &DirectionCallbacks {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    /// Finds them in one compiled form of a module.
    pub(crate) fn find(
        module: &Module,
        compiled: &Compiled,
        allowed: Option<&BTreeSet<String>>,
    ) -> Self {
        let finder = Finder {
            module,
            compiled,
            allowed,
        };
        let request = DirectionCallbacks {
            headers: finder.headers("proxy_on_request_headers"),
            body: finder.callback("proxy_on_request_body"),
            trailers: finder.callback("proxy_on_request_trailers"),
        };
        let response = DirectionCallbacks {
            headers: finder.headers("proxy_on_response_headers"),
            body: finder.callback("proxy_on_response_body"),
            trailers: finder.callback("proxy_on_response_trailers"),
        };
        let tcp = TcpCallbacks {
            on_new_connection: finder.callback("proxy_on_new_connection"),
            on_downstream_data: finder.callback("proxy_on_downstream_data"),
            on_upstream_data: finder.callback("proxy_on_upstream_data"),
            on_downstream_close: finder.callback("proxy_on_downstream_connection_close"),
            on_upstream_close: finder.callback("proxy_on_upstream_connection_close"),
        };
        let grpc = GrpcCallbacks {
            on_initial_metadata: finder.callback("proxy_on_grpc_receive_initial_metadata"),
            on_receive: finder.callback("proxy_on_grpc_receive"),
            on_trailing_metadata: finder.callback("proxy_on_grpc_receive_trailing_metadata"),
            on_close: finder.callback("proxy_on_grpc_close"),
        };
        Self {
            on_context_create: finder.callback("proxy_on_context_create"),
            on_vm_start: finder.callback("proxy_on_vm_start"),
            on_configure: finder.callback("proxy_on_configure"),
            on_tick: finder.callback("proxy_on_tick"),
            on_done: finder.callback("proxy_on_done"),
            on_log: finder.callback("proxy_on_log"),
            on_delete: finder.callback("proxy_on_delete"),
            on_queue_ready: finder.callback("proxy_on_queue_ready"),
            on_http_call_response: finder.callback("proxy_on_http_call_response"),
            tcp,
            on_resolve_dns: finder.unrestricted("envoy_on_resolve_dns"),
            on_restore: finder.unrestricted(ON_RESTORE),
            on_request: finder.on_request(),
            grpc,
            request,
            response,
        }
    }
}

/// Returns a function that the module exports; the checks of the module have seen its type.
pub(super) fn find<P, R>(
    module: &Module,
    compiled: &Compiled,
    name: &str,
) -> Option<Callback<P, R>> {
    let export = compiled.get_export_index(name)?;
    module.has_callback(name).then(|| Callback::new(export))
}

struct Finder<'a> {
    module: &'a Module,
    compiled: &'a Compiled,
    allowed: Option<&'a BTreeSet<String>>,
}

impl Finder<'_> {
    fn callback<P, R>(&self, name: &str) -> Option<Callback<P, R>> {
        if !is_allowed(self.allowed, name) {
            return None;
        }
        self.unrestricted(name)
    }

    /// Finds a callback that Envoy or Tollgate adds to the ABI, which capabilities do not concern.
    fn unrestricted<P, R>(&self, name: &str) -> Option<Callback<P, R>> {
        find(self.module, self.compiled, name)
    }

    /// Finds the call that stands for three, if these are allowed and there could be no others.
    fn on_request(&self) -> Option<Callback<Three, u32>> {
        let mut three = [
            "proxy_on_context_create",
            "proxy_on_request_headers",
            "proxy_on_delete",
        ]
        .iter();
        let is_whole = three.all(|name| is_allowed(self.allowed, name))
            && self.module.needs_only_request_headers();
        is_whole.then(|| self.unrestricted(ON_REQUEST)).flatten()
    }

    fn headers(&self, name: &str) -> Option<HeadersCallback> {
        if self.module.abi_version() == AbiVersion::V0_1_0 {
            return self.callback(name).map(HeadersCallback::Short);
        }
        self.callback(name).map(HeadersCallback::Full)
    }
}

fn is_allowed(allowed: Option<&BTreeSet<String>>, name: &str) -> bool {
    allowed.is_none_or(|names| names.is_empty() || names.contains(name))
}
