//! The callbacks a module exports. `plugins!` writes the chosen ones into the filter's crate, so
//! that a module has no callback its filters do not need.
#![allow(
    unsafe_code,
    reason = "an exported symbol is declared unsafe, since names could clash"
)]

pub use crate::driver::calls::{Response, on_response};
#[cfg(feature = "dns")]
pub use crate::driver::dns::on_resolve_dns;
#[cfg(feature = "grpc")]
pub use crate::driver::grpc::{GrpcEvent, on_grpc};
pub use crate::driver::{
    Event, Part, Registration, on_context_create, on_delete, on_done, on_event, on_request,
    on_restore, register, select,
};
#[cfg(target_arch = "wasm32")]
pub use crate::memory::{Allocator, allocate};
pub use crate::panic::install as report_panics;

/// Writes exported functions.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (always $select:expr) => {
        #[global_allocator]
        static ALLOCATOR: $crate::exports::Allocator = $crate::exports::Allocator::new();

        #[unsafe(no_mangle)]
        extern "C" fn proxy_abi_version_0_2_1() {}

        #[unsafe(no_mangle)]
        extern "C" fn _initialize() {
            $crate::exports::report_panics();
            $crate::exports::register(|| $select);
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
            $crate::exports::allocate(size)
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_context_create(id: u32, parent: u32) {
            $crate::exports::on_context_create(id, parent);
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_configure(id: u32, _size: u32) -> u32 {
            $crate::exports::on_event(id, $crate::exports::Event::Configure)
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_tick(id: u32) {
            $crate::exports::on_event(id, $crate::exports::Event::Tick);
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_http_call_response(
            _root: u32,
            token: u32,
            num_headers: u32,
            body_size: usize,
            num_trailers: u32,
        ) {
            $crate::exports::on_response($crate::exports::Response {
                token,
                num_headers,
                body_size,
                num_trailers,
            });
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_delete(id: u32) {
            $crate::exports::on_delete(id);
        }

        // Whoever does not know the section calls the allocator.
        #[used]
        #[unsafe(link_section = "tollgate_results")]
        static RESULTS: [u8; 7] = *b"offered";

        $crate::__export_grpc!();
        $crate::__export_dns!();
    };
    (request_headers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_headers(id: u32, _count: u32, end: u32) -> u32 {
            let part = $crate::exports::Part::new(0, end != 0);
            $crate::exports::on_event(id, $crate::exports::Event::RequestHeaders(part))
        }
    };
    (request) => {
        #[unsafe(no_mangle)]
        extern "C" fn tollgate_on_request(id: u32, root: u32, end: u32) -> u32 {
            let part = $crate::exports::Part::new(0, end != 0);
            $crate::exports::on_request(id, root, part)
        }
    };
    (request_body) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_body(id: u32, size: usize, end: u32) -> u32 {
            let part = $crate::exports::Part::new(size, end != 0);
            $crate::exports::on_event(id, $crate::exports::Event::RequestBody(part))
        }
    };
    (request_trailers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_request_trailers(id: u32, _count: u32) -> u32 {
            $crate::exports::on_event(id, $crate::exports::Event::RequestTrailers)
        }
    };
    (response_headers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_headers(id: u32, _count: u32, end: u32) -> u32 {
            let part = $crate::exports::Part::new(0, end != 0);
            $crate::exports::on_event(id, $crate::exports::Event::ResponseHeaders(part))
        }
    };
    (response_body) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_body(id: u32, size: usize, end: u32) -> u32 {
            let part = $crate::exports::Part::new(size, end != 0);
            $crate::exports::on_event(id, $crate::exports::Event::ResponseBody(part))
        }
    };
    (response_trailers) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_response_trailers(id: u32, _count: u32) -> u32 {
            $crate::exports::on_event(id, $crate::exports::Event::ResponseTrailers)
        }
    };
    (log) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_log(id: u32) {
            $crate::exports::on_event(id, $crate::exports::Event::Log);
        }
    };
    (connection) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_new_connection(id: u32) -> u32 {
            $crate::exports::on_event(id, $crate::exports::Event::Connection)
        }
    };
    (downstream_data) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_downstream_data(id: u32, size: usize, end: u32) -> u32 {
            let part = $crate::exports::Part::new(size, end != 0);
            $crate::exports::on_event(id, $crate::exports::Event::DownstreamData(part))
        }
    };
    (downstream_closed) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_downstream_connection_close(id: u32, by: u32) {
            $crate::exports::on_event(id, $crate::exports::Event::DownstreamClosed { by });
        }
    };
    (upstream_data) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_upstream_data(id: u32, size: usize, end: u32) -> u32 {
            let part = $crate::exports::Part::new(size, end != 0);
            $crate::exports::on_event(id, $crate::exports::Event::UpstreamData(part))
        }
    };
    (upstream_closed) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_upstream_connection_close(id: u32, by: u32) {
            $crate::exports::on_event(id, $crate::exports::Event::UpstreamClosed { by });
        }
    };
    (queue_ready) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_queue_ready(id: u32, queue: u32) {
            $crate::exports::on_event(id, $crate::exports::Event::QueueReady { queue });
        }
    };
    (foreign_function) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_foreign_function(id: u32, function: u32, _size: usize) {
            $crate::exports::on_event(id, $crate::exports::Event::ForeignFunction { function });
        }
    };
    (restore) => {
        #[unsafe(no_mangle)]
        extern "C" fn tollgate_on_restore() {
            $crate::exports::on_restore();
        }
    };
    (done) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_done(id: u32) -> u32 {
            $crate::exports::on_done(id)
        }
    };
}

/// Declares how a host may isolate streams from each other, in a custom section that hosts which do
/// not know it ignore.
#[doc(hidden)]
#[macro_export]
macro_rules! __isolation {
    ($length:literal $isolation:literal) => {
        #[used]
        #[unsafe(link_section = "tollgate_isolation")]
        static ISOLATION: [u8; $length] = *$isolation;
    };
}

/// Declares whether the end of a stream is more than memory that becomes free, in a custom section
/// that hosts which do not know it ignore.
#[doc(hidden)]
#[macro_export]
macro_rules! __stream_end {
    ($($filter:path)*) => {
        #[used]
        #[unsafe(link_section = "tollgate_stream_end")]
        static STREAM_END: [u8; 6] = {
            let is_noticed = false
                $( || ::core::mem::needs_drop::<<$filter as $crate::HttpFilter>::State>() )*;
            if is_noticed { *b"spoken" } else { *b"silent" }
        };
    };
}

/// Writes the callbacks of gRPC callouts.
#[cfg(feature = "grpc")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_grpc {
    () => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_grpc_receive_initial_metadata(_root: u32, token: u32, _count: u32) {
            $crate::exports::on_grpc(token, $crate::exports::GrpcEvent::InitialMetadata);
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_grpc_receive(_root: u32, token: u32, size: usize) {
            $crate::exports::on_grpc(token, $crate::exports::GrpcEvent::Message { size });
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_grpc_receive_trailing_metadata(_root: u32, token: u32, _count: u32) {
            $crate::exports::on_grpc(token, $crate::exports::GrpcEvent::TrailingMetadata);
        }

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_grpc_close(_root: u32, token: u32, status: u32) {
            $crate::exports::on_grpc(token, $crate::exports::GrpcEvent::Closed { status });
        }
    };
}

/// Without the feature there are no gRPC callouts.
#[cfg(not(feature = "grpc"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_grpc {
    () => {};
}

/// Writes the callback of lookups.
#[cfg(feature = "dns")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_dns {
    () => {
        #[unsafe(no_mangle)]
        extern "C" fn envoy_on_resolve_dns(_root: u32, token: u32, size: usize) {
            $crate::exports::on_resolve_dns(token, size);
        }
    };
}

/// Without the feature there are no lookups.
#[cfg(not(feature = "dns"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_dns {
    () => {};
}
