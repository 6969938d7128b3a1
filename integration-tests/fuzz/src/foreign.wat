(module
  (import "env" "proxy_get_buffer_bytes"
    (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_call_foreign_function"
    (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 8)
  ;; Names in slots of 32 bytes, their lengths at 0x180, the token of an expression at 0x200.
  (data (i32.const 0x00) "expr_create")
  (data (i32.const 0x20) "uncompress")
  (data (i32.const 0x40) "compress")
  (data (i32.const 0x60) "verify_signature")
  (data (i32.const 0x80) "sign")
  (data (i32.const 0xa0) "declare_property")
  (data (i32.const 0xc0) "set_envoy_filter_state")
  (data (i32.const 0xe0) "clear_route_cache")
  (data (i32.const 0x100) "expr_evaluate")
  (data (i32.const 0x120) "expr_delete")
  (data (i32.const 0x180) "\0b\0a\08\10\04\10\16\11")
  (global $heap (mut i32) (i32.const 0x1000))

  (func (export "proxy_abi_version_0_2_1"))
  ;; What a compressed input stands for may be much: the block then has no memory behind it.
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size))))

  (func $evaluate
    (drop (call $foreign (i32.const 0x100) (i32.const 13) (i32.const 0x200) (i32.const 4)
      (i32.const 0x300) (i32.const 0x304))))

  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (local $arguments i32) (local $function i32)
    (if (i32.eqz (local.get $size)) (then (return (i32.const 1))))
    (drop (call $buffer (i32.const 7) (i32.const 0) (local.get $size)
      (i32.const 0x308) (i32.const 0x30c)))
    (local.set $arguments (i32.load (i32.const 0x308)))
    (local.set $function (i32.and (i32.load8_u (local.get $arguments)) (i32.const 7)))
    (if (i32.eqz (call $foreign
          (i32.shl (local.get $function) (i32.const 5))
          (i32.load8_u (i32.add (i32.const 0x180) (local.get $function)))
          (i32.add (local.get $arguments) (i32.const 1))
          (i32.sub (local.get $size) (i32.const 1))
          (i32.const 0x300) (i32.const 0x304)))
      (then
        (if (i32.eqz (local.get $function))
          (then
            (i32.store (i32.const 0x200) (i32.load (i32.load (i32.const 0x300))))
            (call $evaluate)))))
    (i32.const 1))

  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $evaluate)
    (i32.const 0))

  (func (export "proxy_on_log") (param i32)
    (call $evaluate)
    (drop (call $foreign (i32.const 0x120) (i32.const 11) (i32.const 0x200) (i32.const 4)
      (i32.const 0x300) (i32.const 0x304)))))
