;; Memory and table of the host, as Emscripten links with IMPORTED_MEMORY.
(module
  (import "env" "memory" (memory 1 16))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (data (i32.const 0) "lives in the host's memory")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 0x4000))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $log (i32.const 2) (i32.const 0) (i32.const 26)))
    (i32.const 0)))
