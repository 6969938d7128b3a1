//! Exports: the guest's callbacks, looked up once. Absent ones are never called.

use std::collections::BTreeSet;

use tollgate_abi::AbiVersion;
use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use super::VmState;
use crate::host::{Direction, TcpPeer};
use crate::module::ON_RESTORE;

/// Parameters of the longer callbacks.
type Three = (u32, u32, u32);
type Five = (u32, u32, u32, u32, u32);

/// A headers callback in the shape of its ABI.
pub(crate) enum HeadersCallback {
    /// ABI 0.1.0: context, number of headers.
    Short(TypedFunc<(u32, u32), u32>),
    /// ABI 0.2: and whether the stream ends.
    Full(TypedFunc<Three, u32>),
}

/// The callbacks of one direction of an HTTP stream.
pub(crate) struct DirectionCallbacks {
    pub(crate) headers: Option<HeadersCallback>,
    pub(crate) body: Option<TypedFunc<Three, u32>>,
    pub(crate) trailers: Option<TypedFunc<(u32, u32), u32>>,
}

/// The callbacks of a TCP connection.
pub(crate) struct TcpCallbacks {
    pub(crate) on_new_connection: Option<TypedFunc<u32, u32>>,
    on_downstream_data: Option<TypedFunc<Three, u32>>,
    on_upstream_data: Option<TypedFunc<Three, u32>>,
    on_downstream_close: Option<TypedFunc<(u32, u32), ()>>,
    on_upstream_close: Option<TypedFunc<(u32, u32), ()>>,
}

impl TcpCallbacks {
    pub(crate) fn on_data(&self, from: TcpPeer) -> Option<&TypedFunc<Three, u32>> {
        match from {
            TcpPeer::Downstream => self.on_downstream_data.as_ref(),
            TcpPeer::Upstream => self.on_upstream_data.as_ref(),
        }
    }

    pub(crate) fn on_close(&self, of: TcpPeer) -> Option<&TypedFunc<(u32, u32), ()>> {
        match of {
            TcpPeer::Downstream => self.on_downstream_close.as_ref(),
            TcpPeer::Upstream => self.on_upstream_close.as_ref(),
        }
    }
}

/// The callbacks of gRPC callouts.
pub(crate) struct GrpcCallbacks {
    pub(crate) on_initial_metadata: Option<TypedFunc<Three, ()>>,
    pub(crate) on_receive: Option<TypedFunc<Three, ()>>,
    pub(crate) on_trailing_metadata: Option<TypedFunc<Three, ()>>,
    pub(crate) on_close: Option<TypedFunc<Three, ()>>,
}

/// The callbacks that a guest exports and its capabilities allow.
pub(crate) struct Exports {
    pub(crate) on_context_create: Option<TypedFunc<(u32, u32), ()>>,
    pub(crate) on_vm_start: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) on_configure: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) on_tick: Option<TypedFunc<u32, ()>>,
    pub(crate) on_done: Option<TypedFunc<u32, u32>>,
    pub(crate) on_log: Option<TypedFunc<u32, ()>>,
    pub(crate) on_delete: Option<TypedFunc<u32, ()>>,
    pub(crate) on_queue_ready: Option<TypedFunc<(u32, u32), ()>>,
    pub(crate) on_http_call_response: Option<TypedFunc<Five, ()>>,
    pub(crate) tcp: TcpCallbacks,
    pub(crate) on_resolve_dns: Option<TypedFunc<Three, ()>>,
    pub(crate) on_restore: Option<TypedFunc<(), ()>>,
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

    pub(crate) fn find(store: &mut Store<VmState>, instance: &Instance) -> Self {
        let mut finder = Finder { store, instance };
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
            grpc,
            request,
            response,
        }
    }
}

struct Finder<'a> {
    store: &'a mut Store<VmState>,
    instance: &'a Instance,
}

impl Finder<'_> {
    fn callback<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> Option<TypedFunc<P, R>> {
        let allowed = self
            .store
            .data()
            .common
            .config
            .allowed_capabilities
            .as_ref();
        if !is_allowed(allowed, name) {
            return None;
        }
        self.unrestricted(name)
    }

    /// Finds a callback that Envoy adds to the ABI, which capabilities do not concern.
    fn unrestricted<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
    ) -> Option<TypedFunc<P, R>> {
        self.instance.get_typed_func(&mut *self.store, name).ok()
    }

    fn headers(&mut self, name: &str) -> Option<HeadersCallback> {
        if self.store.data().abi == AbiVersion::V0_1_0 {
            return self.callback(name).map(HeadersCallback::Short);
        }
        self.callback(name).map(HeadersCallback::Full)
    }
}

fn is_allowed(allowed: Option<&BTreeSet<String>>, name: &str) -> bool {
    allowed.is_none_or(|names| names.is_empty() || names.contains(name))
}
