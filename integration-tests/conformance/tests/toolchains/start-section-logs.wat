;; A start section that makes a hostcall, before the host knows the instance's memory.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "from the start section")
  (func $start (drop (call $log (i32.const 2) (i32.const 0) (i32.const 22))))
  (start $start)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 0x4000)))
