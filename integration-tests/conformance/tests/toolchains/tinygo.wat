;; Habits of TinyGo: a command whose `_start` comes back, two allocators of which only `malloc` may
;; be called, and a panic when nothing is asked for.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value"
    (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes"
    (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "x-empty" "started" "empty has no address" "nothing is a zero map\n")
  (data (i32.const 0x80) "\22\00\00\00\16\00\00\00")

  (func (export "proxy_abi_version_0_2_0"))

  (func (export "malloc") (param $size i32) (result i32)
    (if (i32.eqz (local.get $size)) (then (unreachable)))
    (i32.const 0x4000))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (unreachable))

  (func (export "_start")
    (drop (call $log (i32.const 2) (i32.const 7) (i32.const 7))))
  ;; What the scheduler of TinyGo exports; nobody calls it.
  (func (export "resume") (unreachable))
  (func (export "go_scheduler") (unreachable))
  (func (export "asyncify_start_unwind") (param i32) (unreachable))

  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    ;; An empty configuration: no block is asked for, the address is none.
    (i32.store (i32.const 0x100) (i32.const 77))
    (drop (call $buffer (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0x100) (i32.const 0x104)))
    (i32.const 1))

  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (i32.store (i32.const 0x100) (i32.const 77))
    (drop (call $header (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 0x100) (i32.const 0x104)))
    (if (i32.eqz (i32.or (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104))))
      (then (drop (call $log (i32.const 2) (i32.const 14) (i32.const 20)))))
    ;; Trailers that are not there: an empty map, by status, address and size.
    (i32.store (i32.const 0x100) (i32.const 77))
    (if (i32.eqz (call $pairs (i32.const 1) (i32.const 0x100) (i32.const 0x104)))
      (then
        (if (i32.eqz (i32.or (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104))))
          (then (drop (call $write (i32.const 1) (i32.const 0x80) (i32.const 1) (i32.const 0x90)))))))
    (i32.const 0)))
