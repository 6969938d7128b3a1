;; Habits of AssemblyScript: an allocator whose blocks carry their length before them, and which
;; takes pointers back only as it gave them; the root id at once; an abort that logs, asks WASI's
;; older module to exit, and traps; a callback under a wrong name.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value"
    (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (global $heap (mut i32) (i32.const 0x4000))
  ;; The block that was given last.
  (global $block (mut i32) (i32.const 0))
  (data (i32.const 0) "plugin_root_id" ":path" "exact" "not exact" "unreachable reached")

  (func (export "proxy_abi_version_0_2_1"))

  (func (export "malloc") (param $size i32) (result i32)
    (i32.store (global.get $heap) (local.get $size))
    (global.set $block (i32.add (global.get $heap) (i32.const 16)))
    (global.set $heap (i32.and (i32.const -16)
      (i32.add (global.get $block) (i32.add (local.get $size) (i32.const 15)))))
    (global.get $block))
  (func (export "free") (param i32))

  ;; A view of the block: wrong when the pointer or the length is not the block's.
  (func $check (param $pointer i32) (param $size i32)
    (if (i32.and
          (i32.eq (local.get $pointer) (global.get $block))
          (i32.eq (local.get $size)
            (i32.load (i32.sub (local.get $pointer) (i32.const 16)))))
      (then (drop (call $log (i32.const 2) (i32.const 19) (i32.const 5))))
      (else (drop (call $log (i32.const 2) (i32.const 24) (i32.const 9))))))

  (func (export "proxy_on_context_create") (param $context i32) (param $root i32)
    (if (call $property (i32.const 0) (i32.const 14) (i32.const 0x100) (i32.const 0x104))
      (then (call $abort)))
    (call $check (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104))))

  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (call $header (i32.const 0) (i32.const 14) (i32.const 5) (i32.const 0x100) (i32.const 0x104))
      (then (call $abort)))
    (call $check (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104)))
    ;; The request for `/abort`, known by its length, ends in an abort.
    (if (i32.eq (i32.load (i32.const 0x104)) (i32.const 6)) (then (call $abort)))
    (i32.const 0))

  (func $abort
    (drop (call $log (i32.const 5) (i32.const 33) (i32.const 19)))
    (call $exit (i32.const 255))
    (unreachable))

  ;; The right name has `receive`; under this one nobody calls, whatever the type.
  (func (export "proxy_on_grpc_trailing_metadata") (param i64) (result i64) (unreachable)))
