  (memory (export "memory") 2)
  ;; Where the script goes on, and the length of the text that an argument named last.
  (global $next (mut i32) (i32.const 0))
  (global $length (mut i32) (i32.const 0))
  ;; The allocator: what it does, and where it goes on.
  (global $mode (mut i32) (i32.const 0))
  (global $heap (mut i32) (i32.const 0x8000))

  (func $byte (result i32)
    (if (i32.ge_u (global.get $next) (i32.const 0x4060)) (then (return (i32.const 0))))
    (i32.load8_u (global.get $next))
    (global.set $next (i32.add (global.get $next) (i32.const 1))))

  (func $word (result i32)
    (i32.or
      (i32.or (call $byte) (i32.shl (call $byte) (i32.const 8)))
      (i32.or (i32.shl (call $byte) (i32.const 16)) (i32.shl (call $byte) (i32.const 24)))))

  ;; An argument: a small number, the length of the last text, a place for results, a text, an
  ;; earlier result, a number at which arithmetic goes wrong, or four bytes.
  (func $argument (result i32) (local $kind i32)
    (local.set $kind (call $byte))
    (if (i32.lt_u (local.get $kind) (i32.const 0x7f)) (then (return (local.get $kind))))
    (if (i32.eq (local.get $kind) (i32.const 0x7f)) (then (return (global.get $length))))
    (if (i32.lt_u (local.get $kind) (i32.const 0xa0))
      (then (return (i32.add (i32.const 0x2000)
        (i32.shl (i32.sub (local.get $kind) (i32.const 0x80)) (i32.const 2))))))
    (if (i32.lt_u (local.get $kind) (i32.const 0xe0))
      (then
        (local.set $kind (i32.sub (local.get $kind) (i32.const 0xa0)))
        (global.set $length
          (i32.load (i32.add (i32.const 0x1000) (i32.shl (local.get $kind) (i32.const 2)))))
        (return (i32.shl (local.get $kind) (i32.const 6)))))
    (if (i32.lt_u (local.get $kind) (i32.const 0xe8))
      (then (return (i32.load (i32.add (i32.const 0x2000)
        (i32.shl (i32.sub (local.get $kind) (i32.const 0xe0)) (i32.const 2)))))))
    (if (i32.lt_u (local.get $kind) (i32.const 0xf0))
      (then (return (call $word))))
    (if (i32.eq (local.get $kind) (i32.const 0xff))
      (then (return (i32.shl (memory.size) (i32.const 16)))))
    (i32.load (i32.add (i32.const 0x3000)
      (i32.shl (i32.rem_u (call $byte) (i32.const 24)) (i32.const 2)))))

  (func $long (result i64)
    (if (i32.and (call $byte) (i32.const 1))
      (then (return (i64.extend_i32_s (call $argument)))))
    (i64.or
      (i64.extend_i32_u (call $argument))
      (i64.shl (i64.extend_i32_u (call $argument)) (i64.const 32))))

  ;; Obeys a script of 96 bytes; what stands after its end is the callback's result.
  (func $run (result i32) (local $number i32)
    (memory.fill (i32.const 0x4000) (i32.const 0) (i32.const 0x60))
    (drop (call $random (i32.const 0x4000) (i32.const 0x60)))
    (global.set $next (i32.const 0x4000))
    (loop $again
      (local.set $number (call $byte))
      (if (i32.eqz (local.get $number)) (then (return (call $byte))))
      (if (i32.lt_u (local.get $number) (i32.const 0xf0))
        (then (call $call (i32.sub (local.get $number) (i32.const 1))))
        (else (call $own (local.get $number))))
      (br $again))
    (unreachable))

  ;; What the guest does without the host.
  (func $own (param $number i32)
    (if (i32.le_u (local.get $number) (i32.const 0xf3))
      (then (drop (memory.grow (call $argument))) (return)))
    (if (i32.le_u (local.get $number) (i32.const 0xf8))
      (then (global.set $mode (call $argument)) (return)))
    (if (i32.le_u (local.get $number) (i32.const 0xfd))
      (then
        (i32.store
          (i32.and (call $argument) (i32.const 0xfffc))
          (call $argument))
        (return)))
    (if (i32.eq (local.get $number) (i32.const 0xfe)) (then (unreachable)))
    ;; Calls itself until the stack ends.
    (call $own (local.get $number)))

  ;; The allocator, honest at first.
  (func (export "malloc") (param $size i32) (result i32)
    (if (i32.eq (global.get $mode) (i32.const 1)) (then (return (i32.const 0))))
    (if (i32.eq (global.get $mode) (i32.const 2)) (then (return (i32.const -1))))
    (if (i32.eq (global.get $mode) (i32.const 3))
      (then (return (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)))))
    (if (i32.eq (global.get $mode) (i32.const 4)) (then (drop (memory.grow (i32.const 1)))))
    (if (i32.eq (global.get $mode) (i32.const 5)) (then (unreachable)))
    (if (i32.eq (global.get $mode) (i32.const 6))
      (then (call $call (i32.const 0)) (return (i32.const 0x8000))))
    (if (i32.ge_u (global.get $mode) (i32.const 7))
      (then (call $call (global.get $mode)) (return (i32.const 0x8000))))
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    ;; All of this memory is used again and again.
    (if (i32.gt_u (global.get $heap) (i32.const 0x18000))
      (then (global.set $heap (i32.const 0x8000)))))

  (func $random (param i32 i32) (result i32)
    (call $random_get (local.get 0) (local.get 1)))
