//! What guests have at hand: memory, allocator, and functions that report.

/// Returns the parts that fields need and do not have themselves.
pub(super) fn for_fields(fields: &str) -> String {
    let mut prelude = String::new();
    if !fields.contains("(memory ") {
        prelude.push_str(MEMORY);
    }
    if !fields.contains("\"malloc\"") && !fields.contains("\"proxy_on_memory_allocate\"") {
        prelude.push_str(ALLOCATOR);
    }
    prelude.push_str(REPORT);
    for (name, part) in ASK {
        let is_called = fields.contains(&format!("(call {name} "));
        if is_called && !fields.contains(&format!("(func {name} ")) {
            prelude.push_str(part);
        }
    }
    prelude
}

const MEMORY: &str = r#"
  (memory (export "memory") 2)
"#;

/// Never frees; grows the memory as far as it has to.
const ALLOCATOR: &str = r#"
  (global $heap (mut i32) (i32.const 0x10000))
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (local $block i32)
    (local.set $block (global.get $heap))
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    (loop $grow
      (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 0x10000)))
        (then
          (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (return (i32.const 0))))
          (br $grow))))
    (local.get $block))
"#;

const REPORT: &str = r#"
  (global $line_end (mut i32) (i32.const 0))
  (func $say (param $text i32) (param $size i32)
    (drop (call $proxy_log (i32.const 2) (local.get $text) (local.get $size))))
  (func $report (param $label i32) (param $size i32) (param $number i32)
    (call $report64 (local.get $label) (local.get $size) (i64.extend_i32_s (local.get $number))))
  (func $report64 (param $label i32) (param $size i32) (param $number i64)
    (call $line_begin (local.get $label) (local.get $size))
    (call $line_number (local.get $number))
    (call $line_log))
  (func $show (param $label i32) (param $size i32) (param $ptr i32) (param $len i32)
    (call $line_begin (local.get $label) (local.get $size))
    (call $line_text (local.get $ptr) (local.get $len))
    (call $line_log))
  (func $show_result (param $label i32) (param $size i32)
    (call $show (local.get $label) (local.get $size)
      (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104))))
  (func $answer (param $label i32) (param $size i32) (param $status i32)
    (call $line_begin (local.get $label) (local.get $size))
    (call $line_number (i64.extend_i32_s (local.get $status)))
    (if (i32.eqz (local.get $status))
      (then
        (call $line_byte (i32.const 32))
        (call $line_byte (i32.const 34))
        (call $line_text (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104)))
        (call $line_byte (i32.const 34))))
    (call $line_log))
  (func $line_begin (param $label i32) (param $size i32)
    (global.set $line_end (i32.const 0x8000))
    (call $line_text (local.get $label) (local.get $size))
    (call $line_byte (i32.const 61)))
  (func $line_log
    (call $say (i32.const 0x8000) (i32.sub (global.get $line_end) (i32.const 0x8000))))
  (func $line_byte (param $byte i32)
    (if (i32.ge_u (global.get $line_end) (i32.const 0xfff0)) (then (return)))
    (i32.store8 (global.get $line_end) (local.get $byte))
    (global.set $line_end (i32.add (global.get $line_end) (i32.const 1))))
  (func $line_number (param $number i64)
    (if (i64.lt_s (local.get $number) (i64.const 0))
      (then
        (call $line_byte (i32.const 45))
        (local.set $number (i64.sub (i64.const 0) (local.get $number)))))
    (if (i64.ge_u (local.get $number) (i64.const 10))
      (then (call $line_number (i64.div_u (local.get $number) (i64.const 10)))))
    (call $line_byte
      (i32.add (i32.const 48)
        (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10))))))
  (func $line_text (param $ptr i32) (param $len i32)
    (loop $next
      (if (local.get $len)
        (then
          (call $line_escaped (i32.load8_u (local.get $ptr)))
          (local.set $ptr (i32.add (local.get $ptr) (i32.const 1)))
          (local.set $len (i32.sub (local.get $len) (i32.const 1)))
          (br $next)))))
  (func $line_escaped (param $byte i32)
    (if (i32.eq (local.get $byte) (i32.const 92)) (then (call $line_byte (i32.const 92))))
    (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 32)) (i32.const 95))
      (then (call $line_byte (local.get $byte)) (return)))
    (call $line_byte (i32.const 92))
    (call $line_byte (i32.const 120))
    (call $line_digit (i32.shr_u (local.get $byte) (i32.const 4)))
    (call $line_digit (i32.and (local.get $byte) (i32.const 15))))
  (func $line_digit (param $digit i32)
    (call $line_byte
      (i32.add (local.get $digit)
        (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $digit) (i32.const 10))))))
"#;

/// Functions that ask the host, by name.
const ASK: &[(&str, &str)] = &[
    ("$get", GET),
    ("$property", PROPERTY),
    ("$buffer", BUFFER),
    ("$pairs", PAIRS),
    ("$set", SET),
];

const GET: &str = r#"
  (func $get (param $label i32) (param $size i32)
             (param $map i32) (param $key i32) (param $key_size i32)
    (call $answer (local.get $label) (local.get $size)
      (call $proxy_get_header_map_value (local.get $map) (local.get $key) (local.get $key_size)
        (i32.const 0x100) (i32.const 0x104))))
"#;

const PROPERTY: &str = r#"
  (func $property (param $label i32) (param $size i32) (param $path i32) (param $path_size i32)
    (call $answer (local.get $label) (local.get $size)
      (call $proxy_get_property (local.get $path) (local.get $path_size)
        (i32.const 0x100) (i32.const 0x104))))
"#;

const BUFFER: &str = r#"
  (func $buffer (param $label i32) (param $size i32)
                (param $type i32) (param $start i32) (param $max i32)
    (call $answer (local.get $label) (local.get $size)
      (call $proxy_get_buffer_bytes (local.get $type) (local.get $start) (local.get $max)
        (i32.const 0x100) (i32.const 0x104))))
"#;

const PAIRS: &str = r#"
  (func $pairs (param $label i32) (param $size i32) (param $map i32)
    (local $status i32) (local $at i32) (local $count i32) (local $data i32)
    (local.set $status (call $proxy_get_header_map_pairs (local.get $map)
      (i32.const 0x100) (i32.const 0x104)))
    (call $line_begin (local.get $label) (local.get $size))
    (call $line_number (i64.extend_i32_s (local.get $status)))
    (if (i32.eqz (local.get $status))
      (then
        (call $line_byte (i32.const 32))
        (call $line_byte (i32.const 123))
        (if (i32.load (i32.const 0x104))
          (then (call $line_pairs (i32.load (i32.const 0x100)))))
        (call $line_byte (i32.const 125))))
    (call $line_log))
  (func $line_pairs (param $at i32)
    (local $count i32) (local $data i32)
    (local.set $count (i32.load (local.get $at)))
    (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (local.set $data (i32.add (local.get $at) (i32.mul (local.get $count) (i32.const 8))))
    (loop $next
      (if (local.get $count)
        (then
          (call $line_text (local.get $data) (i32.load (local.get $at)))
          (local.set $data
            (i32.add (local.get $data) (i32.add (i32.load (local.get $at)) (i32.const 1))))
          (call $line_byte (i32.const 58))
          (call $line_byte (i32.const 32))
          (call $line_text (local.get $data) (i32.load offset=4 (local.get $at)))
          (local.set $data
            (i32.add (local.get $data) (i32.add (i32.load offset=4 (local.get $at)) (i32.const 1))))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (if (local.get $count)
            (then (call $line_byte (i32.const 44)) (call $line_byte (i32.const 32))))
          (br $next)))))
"#;

const SET: &str = r#"
  (func $set (param $map i32) (param $key i32) (param $key_size i32)
             (param $value i32) (param $value_size i32)
    (drop (call $proxy_replace_header_map_value (local.get $map)
      (local.get $key) (local.get $key_size) (local.get $value) (local.get $value_size))))
"#;
