;; An allocator of Emscripten that must grow its memory when the host asks, and tells so.
(module
  (import "env" "emscripten_notify_memory_growth" (func $notify (param i32)))
  (import "env" "proxy_get_header_map_value"
    (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) ":path")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32)
    (drop (memory.grow (i32.const 1)))
    (call $notify (i32.const 0))
    (i32.const 0x4000))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $header (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 0x100) (i32.const 0x104)))
    (i32.const 0)))
