//! The functions of the `env` module, in the order of Envoy's host.

use tollgate_abi::AbiVersion::{self, V0_1_0, V0_2_0, V0_2_1};

use super::Param::{Buffer, Bytes, Level, Long, Map, Number, Out, Pairs, Stream};
use super::imports;

const EVERY: &[AbiVersion] = AbiVersion::ALL;
const OLDEST: &[AbiVersion] = &[V0_1_0];
const LATER: &[AbiVersion] = &[V0_2_0, V0_2_1];
const LATEST: &[AbiVersion] = &[V0_2_1];

imports! {
    0;
    WRITE_LOG = "proxy_log", Proxy, EVERY, true, [Level, Bytes("message")];
    GET_LOG_LEVEL = "proxy_get_log_level", Proxy, LATEST, true, [Out("level")];
    GET_STATUS = "proxy_get_status", Proxy, EVERY, true, [Out("code"), Out("message_ptr"), Out("message_size")];
    SET_PROPERTY = "proxy_set_property", Proxy, EVERY, true, [Bytes("path"), Bytes("value")];
    GET_PROPERTY = "proxy_get_property", Proxy, EVERY, true, [Bytes("path"), Out("value_ptr"), Out("value_size")];
    GET_CONFIGURATION = "proxy_get_configuration", Proxy, OLDEST, true, [Out("value_ptr"), Out("value_size")];
    CONTINUE_REQUEST = "proxy_continue_request", Proxy, OLDEST, true, [];
    CONTINUE_RESPONSE = "proxy_continue_response", Proxy, OLDEST, true, [];
    CLEAR_ROUTE_CACHE = "proxy_clear_route_cache", Proxy, OLDEST, true, [];
    CONTINUE_STREAM = "proxy_continue_stream", Proxy, LATER, true, [Stream];
    CLOSE_STREAM = "proxy_close_stream", Proxy, LATER, true, [Stream];
    SEND_LOCAL_RESPONSE = "proxy_send_local_response", Proxy, EVERY, true,
        [Number("http_status"), Bytes("details"), Bytes("body"), Pairs("headers"), Number("grpc_status")];
    GET_SHARED_DATA = "proxy_get_shared_data", Proxy, EVERY, true,
        [Bytes("key"), Out("value_ptr"), Out("value_size"), Out("cas")];
    SET_SHARED_DATA = "proxy_set_shared_data", Proxy, EVERY, true, [Bytes("key"), Bytes("value"), Number("cas")];
    REGISTER_SHARED_QUEUE = "proxy_register_shared_queue", Proxy, EVERY, true, [Bytes("name"), Out("token")];
    RESOLVE_SHARED_QUEUE = "proxy_resolve_shared_queue", Proxy, EVERY, true,
        [Bytes("vm_id"), Bytes("name"), Out("token")];
    DEQUEUE_SHARED_QUEUE = "proxy_dequeue_shared_queue", Proxy, EVERY, true,
        [Number("token"), Out("data_ptr"), Out("data_size")];
    ENQUEUE_SHARED_QUEUE = "proxy_enqueue_shared_queue", Proxy, EVERY, true, [Number("token"), Bytes("data")];
    GET_HEADER_MAP_VALUE = "proxy_get_header_map_value", Proxy, EVERY, true,
        [Map, Bytes("key"), Out("value_ptr"), Out("value_size")];
    ADD_HEADER_MAP_VALUE = "proxy_add_header_map_value", Proxy, EVERY, true, [Map, Bytes("key"), Bytes("value")];
    REPLACE_HEADER_MAP_VALUE = "proxy_replace_header_map_value", Proxy, EVERY, true,
        [Map, Bytes("key"), Bytes("value")];
    REMOVE_HEADER_MAP_VALUE = "proxy_remove_header_map_value", Proxy, EVERY, true, [Map, Bytes("key")];
    GET_HEADER_MAP_PAIRS = "proxy_get_header_map_pairs", Proxy, EVERY, true, [Map, Out("pairs_ptr"), Out("pairs_size")];
    SET_HEADER_MAP_PAIRS = "proxy_set_header_map_pairs", Proxy, EVERY, true, [Map, Pairs("pairs")];
    GET_HEADER_MAP_SIZE = "proxy_get_header_map_size", Proxy, EVERY, true, [Map, Out("size")];
    GET_BUFFER_BYTES = "proxy_get_buffer_bytes", Proxy, EVERY, true,
        [Buffer, Number("start"), Number("max_size"), Out("data_ptr"), Out("data_size")];
    GET_BUFFER_STATUS = "proxy_get_buffer_status", Proxy, EVERY, true, [Buffer, Out("size"), Out("flags")];
    SET_BUFFER_BYTES = "proxy_set_buffer_bytes", Proxy, EVERY, true,
        [Buffer, Number("start"), Number("size"), Bytes("data")];
    HTTP_CALL = "proxy_http_call", Proxy, EVERY, true,
        [Bytes("upstream"), Pairs("headers"), Bytes("body"), Pairs("trailers"), Number("timeout_ms"), Out("token")];
    GRPC_CALL = "proxy_grpc_call", Proxy, EVERY, true,
        [Bytes("upstream"), Bytes("service"), Bytes("method"), Pairs("metadata"), Bytes("message"),
         Number("timeout_ms"), Out("token")];
    GRPC_STREAM = "proxy_grpc_stream", Proxy, EVERY, true,
        [Bytes("upstream"), Bytes("service"), Bytes("method"), Pairs("metadata"), Out("token")];
    GRPC_SEND = "proxy_grpc_send", Proxy, EVERY, true, [Number("token"), Bytes("message"), Number("end_stream")];
    GRPC_CANCEL = "proxy_grpc_cancel", Proxy, EVERY, true, [Number("token")];
    GRPC_CLOSE = "proxy_grpc_close", Proxy, EVERY, true, [Number("token")];
    SET_TICK_PERIOD = "proxy_set_tick_period_milliseconds", Proxy, EVERY, true, [Number("period_ms")];
    GET_CURRENT_TIME = "proxy_get_current_time_nanoseconds", Proxy, EVERY, true, [Out("time")];
    DEFINE_METRIC = "proxy_define_metric", Proxy, EVERY, true, [Number("type"), Bytes("name"), Out("id")];
    INCREMENT_METRIC = "proxy_increment_metric", Proxy, EVERY, true, [Number("id"), Long("offset")];
    RECORD_METRIC = "proxy_record_metric", Proxy, EVERY, true, [Number("id"), Long("value")];
    GET_METRIC = "proxy_get_metric", Proxy, EVERY, true, [Number("id"), Out("value")];
    SET_EFFECTIVE_CONTEXT = "proxy_set_effective_context", Proxy, EVERY, true, [Number("context_id")];
    PROXY_DONE = "proxy_done", Proxy, EVERY, true, [];
    CALL_FOREIGN_FUNCTION = "proxy_call_foreign_function", Proxy, EVERY, true,
        [Bytes("name"), Bytes("arguments"), Out("result_ptr"), Out("result_size")];
    PTHREAD_EQUAL = "pthread_equal", Unrestricted, EVERY, true, [Number("a"), Number("b")];
    NOTIFY_MEMORY_GROWTH = "emscripten_notify_memory_growth", Unrestricted, EVERY, false, [Number("memory")];
    RESOLVE_DNS = "envoy_resolve_dns", Unrestricted, EVERY, true, [Bytes("address"), Out("token")];
}
