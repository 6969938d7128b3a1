/* A filter in C on raw imports and wasi-libc: what the path asks for, it does to the request. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy_wasm.h"

#define STREAMS 64

/* A stream: its path, which the host tells in the request's callbacks alone, and the token of the
   answer that it waits for. */
struct stream {
  uint32_t context;
  uint32_t token;
  char path[64];
};

static char greeting[128];
static uint32_t ticks;
static struct stream streams[STREAMS];

GUEST(proxy_abi_version_0_2_1) void marker(void) {}

static void say(const char *text) { proxy_log(LEVEL_INFO, text, strlen(text)); }

/* A value as text that the caller frees; NULL when there is none. */
static char *text_of(uint32_t status, char *value, size_t size) {
  if (status != STATUS_OK) return NULL;
  char *text = malloc(size + 1);
  if (text == NULL) abort();
  if (size != 0) memcpy(text, value, size);
  text[size] = 0;
  free(value);
  return text;
}

static char *header(uint32_t map, const char *name) {
  char *value = NULL;
  size_t size = 0;
  uint32_t status = proxy_get_header_map_value(map, name, strlen(name), &value, &size);
  return text_of(status, value, size);
}

static void set_header(uint32_t map, const char *name, const char *value) {
  proxy_replace_header_map_value(map, name, strlen(name), value, strlen(value));
}

static struct stream *stream_of(uint32_t context) {
  for (int i = 0; i < STREAMS; i++)
    if (streams[i].context == context) return &streams[i];
  return NULL;
}

static int is_path(uint32_t context, const char *wanted) {
  struct stream *stream = stream_of(context);
  return stream != NULL && strcmp(stream->path, wanted) == 0;
}

/* Remembers a stream and its path. */
static void begin(uint32_t context) {
  static const char path[] = "request\0url_path";
  char *value = NULL;
  size_t size = 0;
  char *found = text_of(proxy_get_property(path, sizeof path, &value, &size), value, size);
  struct stream *stream = stream_of(0);
  if (stream != NULL && found != NULL && strlen(found) < sizeof stream->path) {
    stream->context = context;
    strcpy(stream->path, found);
  }
  free(found);
}

/* Writes pairs in the form that the host reads; returns their size. */
static size_t write_pairs(char *out, const char *const pairs[][2], uint32_t count) {
  char *at = out;
  memcpy(at, &count, 4), at += 4;
  for (uint32_t i = 0; i < count * 2; i++) {
    uint32_t size = strlen(pairs[i / 2][i % 2]);
    memcpy(at, &size, 4), at += 4;
  }
  for (uint32_t i = 0; i < count * 2; i++) {
    size_t size = strlen(pairs[i / 2][i % 2]) + 1;
    memcpy(at, pairs[i / 2][i % 2], size), at += size;
  }
  return at - out;
}

GUEST(proxy_on_vm_start) uint32_t on_vm_start(uint32_t root, size_t size) {
  (void)root, (void)size;
  return proxy_set_tick_period_milliseconds(20) == STATUS_OK;
}

GUEST(proxy_on_configure) uint32_t on_configure(uint32_t root, size_t size) {
  (void)root;
  char *value = NULL;
  size_t length = 0;
  uint32_t status =
      proxy_get_buffer_bytes(BUFFER_PLUGIN_CONFIGURATION, 0, size, &value, &length);
  char *text = text_of(status, value, length);
  if (text == NULL || length >= sizeof greeting) return 0;
  strcpy(greeting, text);
  free(text);
  return 1;
}

GUEST(proxy_on_tick) void on_tick(uint32_t root) {
  (void)root;
  uint32_t counter = 0;
  proxy_define_metric(METRIC_COUNTER, "c_ticks", 7, &counter);
  proxy_increment_metric(counter, 1);
  if (++ticks == 3) {
    proxy_set_tick_period_milliseconds(0);
    say("ticked 3 times");
  }
}

static void greet(void) {
  char line[256], *name = header(MAP_REQUEST_HEADERS, "x-name"), *pairs = NULL;
  size_t size = 0;
  uint32_t count = 0;
  snprintf(line, sizeof line, "%s, %s", greeting, name == NULL ? "stranger" : name);
  set_header(MAP_REQUEST_HEADERS, "x-greeting", line);
  proxy_remove_header_map_value(MAP_REQUEST_HEADERS, "x-secret", 8);
  proxy_add_header_map_value(MAP_REQUEST_HEADERS, "x-seen", 6, "c", 1);
  if (proxy_get_header_map_pairs(MAP_REQUEST_HEADERS, &pairs, &size) == STATUS_OK && size >= 4)
    memcpy(&count, pairs, 4);
  printf("%u headers\n", count);
  free(pairs);
  free(name);
}

static void deny(void) {
  char headers[64];
  size_t size = write_pairs(headers, (const char *const[][2]){{"x-denied-by", "c"}}, 1);
  proxy_send_local_response(403, "not_welcome", 11, "no entry\n", 9, headers, size, -1);
}

/* Counts visits in shared data, however many do so at once. */
static void count_visit(void) {
  char number[16];
  for (;;) {
    char *value = NULL;
    size_t size = 0;
    uint32_t cas = 0;
    uint32_t status = proxy_get_shared_data("visits", 6, &value, &size, &cas);
    char *text = text_of(status, value, size);
    snprintf(number, sizeof number, "%d", text == NULL ? 1 : atoi(text) + 1);
    free(text);
    status = proxy_set_shared_data("visits", 6, number, strlen(number), cas);
    if (status != STATUS_CAS_MISMATCH) break;
  }
  set_header(MAP_REQUEST_HEADERS, "x-visits", number);
}

static uint32_t ask(uint32_t context) {
  char headers[256];
  const char *const pairs[][2] = {
      {":method", "GET"}, {":path", "/side"}, {":authority", "side.test"}};
  size_t size = write_pairs(headers, pairs, 3);
  uint32_t token = 0;
  uint32_t status =
      proxy_http_call("origin", 6, headers, size, "", 0, "", 0, 5000, &token);
  if (status != STATUS_OK) return ACTION_CONTINUE;
  stream_of(context)->token = token;
  return ACTION_PAUSE;
}

GUEST(proxy_on_request_headers)
uint32_t on_request_headers(uint32_t context, uint32_t count, uint32_t end_of_stream) {
  (void)count, (void)end_of_stream;
  begin(context);
  if (is_path(context, "/headers")) greet();
  if (is_path(context, "/shared-data")) count_visit();
  if (is_path(context, "/request-body"))
    proxy_remove_header_map_value(MAP_REQUEST_HEADERS, "content-length", 14);
  if (is_path(context, "/deny")) {
    deny();
    return ACTION_PAUSE;
  }
  return is_path(context, "/callout") ? ask(context) : ACTION_CONTINUE;
}

GUEST(proxy_on_request_body)
uint32_t on_request_body(uint32_t context, size_t size, uint32_t end_of_stream) {
  if (!is_path(context, "/request-body")) return ACTION_CONTINUE;
  if (!end_of_stream) return ACTION_PAUSE;
  char *body = NULL;
  size_t length = 0;
  if (proxy_get_buffer_bytes(BUFFER_REQUEST_BODY, 0, size, &body, &length) == STATUS_OK) {
    for (size_t i = 0; i < length; i++) body[i] = toupper((unsigned char)body[i]);
    proxy_set_buffer_bytes(BUFFER_REQUEST_BODY, 0, size, body, length);
    free(body);
  }
  return ACTION_CONTINUE;
}

GUEST(proxy_on_http_call_response)
void on_http_call_response(uint32_t root, uint32_t token, uint32_t headers, size_t body_size,
                           uint32_t trailers) {
  (void)root, (void)headers, (void)trailers;
  char line[256], *body = NULL, *status = header(MAP_CALL_RESPONSE_HEADERS, ":status");
  size_t length = 0;
  proxy_get_buffer_bytes(BUFFER_CALL_RESPONSE_BODY, 0, body_size, &body, &length);
  snprintf(line, sizeof line, "%s %.*s", status == NULL ? "?" : status, (int)length,
           body == NULL ? "" : body);
  for (int i = 0; i < STREAMS; i++) {
    if (streams[i].token != token) continue;
    streams[i].token = 0;
    if (proxy_set_effective_context(streams[i].context) != STATUS_OK) break;
    set_header(MAP_REQUEST_HEADERS, "x-side", line);
    proxy_continue_stream(0);
  }
  free(body);
  free(status);
}

GUEST(proxy_on_response_headers)
uint32_t on_response_headers(uint32_t context, uint32_t count, uint32_t end_of_stream) {
  (void)context, (void)count, (void)end_of_stream;
  proxy_add_header_map_value(MAP_RESPONSE_HEADERS, "x-language", 10, "c", 1);
  proxy_remove_header_map_value(MAP_RESPONSE_HEADERS, "content-length", 14);
  return ACTION_CONTINUE;
}

GUEST(proxy_on_response_body)
uint32_t on_response_body(uint32_t context, size_t size, uint32_t end_of_stream) {
  if (end_of_stream && is_path(context, "/response-body"))
    proxy_set_buffer_bytes(BUFFER_RESPONSE_BODY, size, 0, " (read by c)", 12);
  return ACTION_CONTINUE;
}

GUEST(proxy_on_delete) void on_delete(uint32_t context) {
  struct stream *stream = stream_of(context);
  if (stream != NULL) memset(stream, 0, sizeof *stream);
}

GUEST(proxy_on_log) void on_log(uint32_t context) {
  (void)context;
  char line[64], *status = header(MAP_RESPONSE_HEADERS, ":status");
  uint64_t now = 0;
  proxy_get_current_time_nanoseconds(&now);
  snprintf(line, sizeof line, "ended with %s, time passes: %s", status == NULL ? "?" : status,
           now > 0 ? "yes" : "no");
  say(line);
  free(status);
}
