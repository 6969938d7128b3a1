/* The part of ABI 0.2.1 that the guests in C and C++ use, imported as it is. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOST(name) __attribute__((import_module("env"), import_name(#name)))
#define GUEST(name) __attribute__((export_name(#name)))

enum status { STATUS_OK = 0, STATUS_NOT_FOUND = 1, STATUS_CAS_MISMATCH = 8 };
enum level { LEVEL_INFO = 2, LEVEL_WARN = 3 };
enum map { MAP_REQUEST_HEADERS = 0, MAP_RESPONSE_HEADERS = 2, MAP_CALL_RESPONSE_HEADERS = 6 };
enum buffer {
  BUFFER_REQUEST_BODY = 0,
  BUFFER_RESPONSE_BODY = 1,
  BUFFER_CALL_RESPONSE_BODY = 4,
  BUFFER_PLUGIN_CONFIGURATION = 7
};
enum action { ACTION_CONTINUE = 0, ACTION_PAUSE = 1 };
enum metric { METRIC_COUNTER = 0 };

HOST(proxy_log) uint32_t proxy_log(uint32_t level, const char *text, size_t size);
HOST(proxy_get_property)
uint32_t proxy_get_property(const char *path, size_t path_size, char **value, size_t *size);
HOST(proxy_get_buffer_bytes)
uint32_t proxy_get_buffer_bytes(uint32_t buffer, size_t start, size_t max, char **data, size_t *size);
HOST(proxy_set_buffer_bytes)
uint32_t proxy_set_buffer_bytes(uint32_t buffer, size_t start, size_t size, const char *data,
                                size_t data_size);
HOST(proxy_get_header_map_pairs)
uint32_t proxy_get_header_map_pairs(uint32_t map, char **pairs, size_t *size);
HOST(proxy_get_header_map_value)
uint32_t proxy_get_header_map_value(uint32_t map, const char *key, size_t key_size, char **value,
                                    size_t *size);
HOST(proxy_add_header_map_value)
uint32_t proxy_add_header_map_value(uint32_t map, const char *key, size_t key_size,
                                    const char *value, size_t size);
HOST(proxy_replace_header_map_value)
uint32_t proxy_replace_header_map_value(uint32_t map, const char *key, size_t key_size,
                                        const char *value, size_t size);
HOST(proxy_remove_header_map_value)
uint32_t proxy_remove_header_map_value(uint32_t map, const char *key, size_t key_size);
HOST(proxy_send_local_response)
uint32_t proxy_send_local_response(uint32_t status, const char *details, size_t details_size,
                                   const char *body, size_t body_size, const char *headers,
                                   size_t headers_size, uint32_t grpc_status);
HOST(proxy_get_shared_data)
uint32_t proxy_get_shared_data(const char *key, size_t key_size, char **value, size_t *size,
                               uint32_t *cas);
HOST(proxy_set_shared_data)
uint32_t proxy_set_shared_data(const char *key, size_t key_size, const char *value, size_t size,
                               uint32_t cas);
HOST(proxy_http_call)
uint32_t proxy_http_call(const char *cluster, size_t cluster_size, const char *headers,
                         size_t headers_size, const char *body, size_t body_size,
                         const char *trailers, size_t trailers_size, uint32_t timeout,
                         uint32_t *token);
HOST(proxy_set_effective_context) uint32_t proxy_set_effective_context(uint32_t context);
HOST(proxy_continue_stream) uint32_t proxy_continue_stream(uint32_t stream);
HOST(proxy_set_tick_period_milliseconds) uint32_t proxy_set_tick_period_milliseconds(uint32_t period);
HOST(proxy_get_current_time_nanoseconds) uint32_t proxy_get_current_time_nanoseconds(uint64_t *time);
HOST(proxy_define_metric)
uint32_t proxy_define_metric(uint32_t type, const char *name, size_t size, uint32_t *id);
HOST(proxy_increment_metric) uint32_t proxy_increment_metric(uint32_t id, int64_t offset);

#ifdef __cplusplus
}
#endif
