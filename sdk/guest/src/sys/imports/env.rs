//! The hostcalls as wasm declares them.

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    pub(super) fn proxy_log(level: u32, message: *const u8, len: usize) -> u32;
    pub(super) fn proxy_get_log_level(level: *mut u32) -> u32;
    pub(super) fn proxy_get_current_time_nanoseconds(nanos: *mut u64) -> u32;
    pub(super) safe fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    pub(super) safe fn proxy_set_effective_context(context: u32) -> u32;
    pub(super) fn proxy_get_property(
        path: *const u8,
        len: usize,
        out: *mut *mut u8,
        out_len: *mut usize,
    ) -> u32;
    pub(super) fn proxy_set_property(
        path: *const u8,
        len: usize,
        value: *const u8,
        value_len: usize,
    ) -> u32;
    pub(super) fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        len: usize,
        out: *mut *mut u8,
        out_len: *mut usize,
    ) -> u32;
    pub(super) fn proxy_get_header_map_pairs(
        map: u32,
        out: *mut *mut u8,
        out_len: *mut usize,
    ) -> u32;
    pub(super) fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        len: usize,
        value: *const u8,
        value_len: usize,
    ) -> u32;
    pub(super) fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        len: usize,
        value: *const u8,
        value_len: usize,
    ) -> u32;
    pub(super) fn proxy_remove_header_map_value(map: u32, name: *const u8, len: usize) -> u32;
    pub(super) fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max: usize,
        out: *mut *mut u8,
        out_len: *mut usize,
    ) -> u32;
    pub(super) fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        size: usize,
        data: *const u8,
        len: usize,
    ) -> u32;
    pub(super) safe fn proxy_continue_stream(stream: u32) -> u32;
    pub(super) safe fn proxy_close_stream(stream: u32) -> u32;
    pub(super) fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_len: usize,
        body: *const u8,
        body_len: usize,
        headers: *const u8,
        headers_len: usize,
        grpc_status: u32,
    ) -> u32;
    pub(super) fn proxy_get_shared_data(
        key: *const u8,
        len: usize,
        out: *mut *mut u8,
        out_len: *mut usize,
        cas: *mut u32,
    ) -> u32;
    pub(super) fn proxy_set_shared_data(
        key: *const u8,
        len: usize,
        value: *const u8,
        value_len: usize,
        cas: u32,
    ) -> u32;
    pub(super) fn proxy_define_metric(kind: u32, name: *const u8, len: usize, id: *mut u32) -> u32;
    pub(super) safe fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    pub(super) safe fn proxy_record_metric(id: u32, value: u64) -> u32;
    pub(super) fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
    pub(super) fn proxy_http_call(
        upstream: *const u8,
        upstream_len: usize,
        headers: *const u8,
        headers_len: usize,
        body: *const u8,
        body_len: usize,
        trailers: *const u8,
        trailers_len: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    pub(super) fn proxy_set_header_map_pairs(map: u32, pairs: *const u8, len: usize) -> u32;
    pub(super) fn proxy_get_header_map_size(map: u32, size: *mut usize) -> u32;
    pub(super) fn proxy_get_buffer_status(buffer: u32, size: *mut usize, flags: *mut u32) -> u32;
    pub(super) fn proxy_register_shared_queue(name: *const u8, len: usize, token: *mut u32) -> u32;
    pub(super) fn proxy_resolve_shared_queue(
        vm_id: *const u8,
        vm_id_len: usize,
        name: *const u8,
        len: usize,
        token: *mut u32,
    ) -> u32;
    pub(super) fn proxy_enqueue_shared_queue(queue: u32, item: *const u8, len: usize) -> u32;
    pub(super) fn proxy_dequeue_shared_queue(
        queue: u32,
        out: *mut *mut u8,
        out_len: *mut usize,
    ) -> u32;
    pub(super) fn proxy_call_foreign_function(
        name: *const u8,
        len: usize,
        arguments: *const u8,
        arguments_len: usize,
        out: *mut *mut u8,
        out_len: *mut usize,
    ) -> u32;
    #[cfg(feature = "grpc")]
    pub(super) fn proxy_get_status(code: *mut u32, out: *mut *mut u8, out_len: *mut usize) -> u32;
    pub(super) safe fn proxy_done() -> u32;
    #[cfg(feature = "dns")]
    pub(super) fn envoy_resolve_dns(name: *const u8, len: usize, token: *mut u32) -> u32;
    #[cfg(feature = "grpc")]
    pub(super) fn proxy_grpc_call(
        upstream: *const u8,
        upstream_len: usize,
        service: *const u8,
        service_len: usize,
        method: *const u8,
        method_len: usize,
        metadata: *const u8,
        metadata_len: usize,
        message: *const u8,
        message_len: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    #[cfg(feature = "grpc")]
    pub(super) fn proxy_grpc_stream(
        upstream: *const u8,
        upstream_len: usize,
        service: *const u8,
        service_len: usize,
        method: *const u8,
        method_len: usize,
        metadata: *const u8,
        metadata_len: usize,
        token: *mut u32,
    ) -> u32;
    #[cfg(feature = "grpc")]
    pub(super) fn proxy_grpc_send(
        token: u32,
        message: *const u8,
        len: usize,
        end_of_stream: u32,
    ) -> u32;
    #[cfg(feature = "grpc")]
    pub(super) safe fn proxy_grpc_cancel(token: u32) -> u32;
    #[cfg(feature = "grpc")]
    pub(super) safe fn proxy_grpc_close(token: u32) -> u32;
}
