// The filter of ../c/worker.c once more, the way of C++: objects for contexts, a constructor that
// runs before main would, containers and strings of the standard library.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../c/proxy_wasm.h"

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

void say(const std::string &text) { proxy_log(LEVEL_INFO, text.data(), text.size()); }

// Takes over what the host has put into memory of `malloc`.
std::optional<std::string> taken(uint32_t status, char *data, size_t size) {
  if (status != STATUS_OK) return std::nullopt;
  std::string text(data == nullptr ? "" : data, size);
  std::free(data);
  return text;
}

std::optional<std::string> header(map which, std::string_view name) {
  char *data = nullptr;
  size_t size = 0;
  auto status = proxy_get_header_map_value(which, name.data(), name.size(), &data, &size);
  return taken(status, data, size);
}

void set_header(map which, std::string_view name, std::string_view value) {
  proxy_replace_header_map_value(which, name.data(), name.size(), value.data(), value.size());
}

void remove_header(map which, std::string_view name) {
  proxy_remove_header_map_value(which, name.data(), name.size());
}

std::optional<std::string> buffer_bytes(buffer which, size_t size) {
  char *data = nullptr;
  size_t length = 0;
  auto status = proxy_get_buffer_bytes(which, 0, size, &data, &length);
  return taken(status, data, length);
}

// Parts of a path, each with its NUL, as C++ filters send them.
std::string property(std::initializer_list<std::string_view> parts) {
  std::string path;
  for (auto part : parts) path.append(part).push_back('\0');
  char *data = nullptr;
  size_t size = 0;
  auto status = proxy_get_property(path.data(), path.size(), &data, &size);
  return taken(status, data, size).value_or("");
}

std::string encoded(const Pairs &pairs) {
  std::string sizes, data;
  auto number = [&sizes](size_t value) {
    for (int shift = 0; shift < 32; shift += 8) sizes.push_back(static_cast<char>(value >> shift));
  };
  number(pairs.size());
  for (const auto &[key, value] : pairs) {
    number(key.size());
    number(value.size());
    data.append(key).push_back('\0');
    data.append(value).push_back('\0');
  }
  return sizes + data;
}

class Context {
 public:
  virtual ~Context() = default;
  virtual bool on_start() { return true; }
  virtual bool on_configure(size_t) { return true; }
  virtual void on_tick() {}
  virtual action on_request_headers() { return ACTION_CONTINUE; }
  virtual action on_request_body(size_t, bool) { return ACTION_CONTINUE; }
  virtual action on_response_headers() { return ACTION_CONTINUE; }
  virtual action on_response_body(size_t, bool) { return ACTION_CONTINUE; }
  virtual void on_answer(size_t) {}
  virtual void on_log() {}
};

std::map<uint32_t, std::unique_ptr<Context>> contexts;
// Who waits for the answer of a token.
std::map<uint32_t, uint32_t> asking;

class Root final : public Context {
 public:
  // The root id chooses what a plugin is; a host that does not tell it gets no plugin.
  Root() : root_id_(property({"plugin_root_id"})) {
    if (root_id_ != "cpp") std::abort();
  }

  const std::string &greeting() const { return greeting_; }

  bool on_start() override { return proxy_set_tick_period_milliseconds(20) == STATUS_OK; }

  bool on_configure(size_t size) override {
    greeting_ = buffer_bytes(BUFFER_PLUGIN_CONFIGURATION, size).value_or("");
    return !greeting_.empty();
  }

  void on_tick() override {
    uint32_t counter = 0;
    proxy_define_metric(METRIC_COUNTER, "cpp_ticks", 9, &counter);
    proxy_increment_metric(counter, 1);
    if (++ticks_ < 3) return;
    proxy_set_tick_period_milliseconds(0);
    say("ticked 3 times");
  }

 private:
  std::string root_id_;
  std::string greeting_;
  int ticks_ = 0;
};

class Stream final : public Context {
 public:
  Stream(uint32_t id, const Root &root) : id_(id), root_(root) {}

  ~Stream() override {
    std::erase_if(asking, [this](const auto &entry) { return entry.second == id_; });
  }

  action on_request_headers() override {
    path_ = property({"request", "url_path"});
    if (path_ == "/headers") greet();
    if (path_ == "/shared-data") count_visit();
    if (path_ == "/request-body") remove_header(MAP_REQUEST_HEADERS, "content-length");
    if (path_ == "/deny") {
      auto headers = encoded({{"x-denied-by", "cpp"}});
      std::string_view details = "not_welcome", body = "no entry\n";
      proxy_send_local_response(403, details.data(), details.size(), body.data(), body.size(),
                                headers.data(), headers.size(), UINT32_MAX);
      return ACTION_PAUSE;
    }
    return path_ == "/callout" ? ask() : ACTION_CONTINUE;
  }

  action on_request_body(size_t size, bool end_of_stream) override {
    if (path_ != "/request-body") return ACTION_CONTINUE;
    if (!end_of_stream) return ACTION_PAUSE;
    auto body = buffer_bytes(BUFFER_REQUEST_BODY, size).value_or("");
    std::transform(body.begin(), body.end(), body.begin(),
                   [](unsigned char letter) { return std::toupper(letter); });
    proxy_set_buffer_bytes(BUFFER_REQUEST_BODY, 0, size, body.data(), body.size());
    return ACTION_CONTINUE;
  }

  action on_response_headers() override {
    proxy_add_header_map_value(MAP_RESPONSE_HEADERS, "x-language", 10, "cpp", 3);
    remove_header(MAP_RESPONSE_HEADERS, "content-length");
    return ACTION_CONTINUE;
  }

  action on_response_body(size_t size, bool end_of_stream) override {
    std::string_view remark = " (read by cpp)";
    if (end_of_stream && path_ == "/response-body")
      proxy_set_buffer_bytes(BUFFER_RESPONSE_BODY, size, 0, remark.data(), remark.size());
    return ACTION_CONTINUE;
  }

  void on_answer(size_t body_size) override {
    if (proxy_set_effective_context(id_) != STATUS_OK) return;
    auto status = header(MAP_CALL_RESPONSE_HEADERS, ":status").value_or("?");
    auto body = buffer_bytes(BUFFER_CALL_RESPONSE_BODY, body_size).value_or("");
    set_header(MAP_REQUEST_HEADERS, "x-side", status + " " + body);
    proxy_continue_stream(0);
  }

  void on_log() override {
    uint64_t now = 0;
    proxy_get_current_time_nanoseconds(&now);
    auto status = header(MAP_RESPONSE_HEADERS, ":status").value_or("?");
    say("ended with " + status + ", time passes: " + (now > 0 ? "yes" : "no"));
  }

 private:
  void greet() const {
    auto name = header(MAP_REQUEST_HEADERS, "x-name").value_or("stranger");
    set_header(MAP_REQUEST_HEADERS, "x-greeting", root_.greeting() + ", " + name);
    remove_header(MAP_REQUEST_HEADERS, "x-secret");
    proxy_add_header_map_value(MAP_REQUEST_HEADERS, "x-seen", 6, "cpp", 3);
    char *pairs = nullptr;
    size_t size = 0;
    auto map = taken(proxy_get_header_map_pairs(MAP_REQUEST_HEADERS, &pairs, &size), pairs, size);
    // Header maps of one request have fewer than 256 entries.
    unsigned count = map ? static_cast<unsigned char>(map->at(0)) : 0;
    std::cout << count << " headers" << std::endl;
  }

  void count_visit() const {
    for (;;) {
      char *data = nullptr;
      size_t size = 0;
      uint32_t cas = 0;
      auto status = proxy_get_shared_data("visits", 6, &data, &size, &cas);
      auto visits = taken(status, data, size);
      auto number = std::to_string(visits ? std::atoi(visits->c_str()) + 1 : 1);
      status = proxy_set_shared_data("visits", 6, number.data(), number.size(), cas);
      if (status == STATUS_CAS_MISMATCH) continue;
      set_header(MAP_REQUEST_HEADERS, "x-visits", number);
      return;
    }
  }

  action ask() const {
    auto headers = encoded({{":method", "GET"}, {":path", "/side"}, {":authority", "side.test"}});
    uint32_t token = 0;
    auto status = proxy_http_call("origin", 6, headers.data(), headers.size(), nullptr, 0, nullptr,
                                  0, 5000, &token);
    if (status != STATUS_OK) return ACTION_CONTINUE;
    asking[token] = id_;
    return ACTION_PAUSE;
  }

  uint32_t id_;
  const Root &root_;
  std::string path_;
};

// Runs when the module is initialised, where a guest may log and little else.
struct Greeter {
  Greeter() { say("constructed"); }
} greeter;

Context &context(uint32_t id) { return *contexts.at(id); }

}  // namespace

GUEST(proxy_abi_version_0_2_1) extern "C" void marker() {}

GUEST(proxy_on_context_create) extern "C" void on_context_create(uint32_t id, uint32_t root) {
  if (root == 0)
    contexts[id] = std::make_unique<Root>();
  else
    contexts[id] = std::make_unique<Stream>(id, static_cast<Root &>(context(root)));
}

GUEST(proxy_on_vm_start) extern "C" uint32_t on_vm_start(uint32_t root, size_t) {
  return context(root).on_start();
}

GUEST(proxy_on_configure) extern "C" uint32_t on_configure(uint32_t root, size_t size) {
  return context(root).on_configure(size);
}

GUEST(proxy_on_tick) extern "C" void on_tick(uint32_t root) { context(root).on_tick(); }

GUEST(proxy_on_request_headers)
extern "C" uint32_t on_request_headers(uint32_t id, uint32_t, uint32_t) {
  return context(id).on_request_headers();
}

GUEST(proxy_on_request_body)
extern "C" uint32_t on_request_body(uint32_t id, size_t size, uint32_t end_of_stream) {
  return context(id).on_request_body(size, end_of_stream != 0);
}

GUEST(proxy_on_response_headers)
extern "C" uint32_t on_response_headers(uint32_t id, uint32_t, uint32_t) {
  return context(id).on_response_headers();
}

GUEST(proxy_on_response_body)
extern "C" uint32_t on_response_body(uint32_t id, size_t size, uint32_t end_of_stream) {
  return context(id).on_response_body(size, end_of_stream != 0);
}

GUEST(proxy_on_http_call_response)
extern "C" void on_http_call_response(uint32_t, uint32_t token, uint32_t, size_t size, uint32_t) {
  auto found = asking.extract(token);
  if (!found.empty()) context(found.mapped()).on_answer(size);
}

GUEST(proxy_on_log) extern "C" void on_log(uint32_t id) { context(id).on_log(); }

GUEST(proxy_on_delete) extern "C" void on_delete(uint32_t id) { contexts.erase(id); }
