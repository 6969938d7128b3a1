;; A command of older TinyGo, whose `_start` ends with an exit.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_0"))
  (func (export "malloc") (param i32) (result i32) (i32.const 0x4000))
  (func (export "_start") (call $exit (i32.const 0))))
