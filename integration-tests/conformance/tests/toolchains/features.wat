;; What toolchains emit today: bulk memory, sign extension, saturating conversion, several results,
;; references, SIMD, tail calls.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table $calls 2 funcref)
  (elem declare func $pair)
  (data $text "every feature works")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 0x4000))
  (func $pair (result i32 i32) (i32.const 40) (i32.const 2))
  (func $add (param i32) (result i32)
    (call_indirect (type $two) (i32.const 1)) (i32.add) (i32.add (local.get 0)))
  (type $two (func (result i32 i32)))
  (func $tail (param i32) (result i32) (return_call $add (local.get 0)))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (table.set $calls (i32.const 1) (ref.func $pair))
    (memory.init $text (i32.const 0) (i32.const 0) (i32.const 19))
    (memory.copy (i32.const 0x100) (i32.const 0) (i32.const 19))
    (if (i32.eq
          (i32.const 50)
          (i32.add
            (call $tail (i32.extend8_s (i32.const 0x1ff)))
            (i32.add
              (i32.trunc_sat_f32_s (f32.const nan))
              (i32x4.extract_lane 0 (i32x4.add (v128.const i32x4 4 0 0 0) (v128.const i32x4 5 0 0 0))))))
      (then (drop (call $log (i32.const 2) (i32.const 0x100) (i32.const 19)))))
    (i32.const 0)))
