//! Damaged files: whatever stands in a file, reading it ends with a result and never with a panic.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed read fails the test; indices are taken modulo the length"
)]

use tollgate_config::{LoadOptions, parse};

const FILES: [&str; 6] = [
    include_str!("files/ok/clusters.yaml"),
    include_str!("files/ok/proxy.yaml"),
    include_str!("files/ok/routes.yaml"),
    include_str!("files/ok/spellings.yaml"),
    include_str!("files/ok/tls.yaml"),
    include_str!("files/ok/wasm.yaml"),
];

const VALUES: [&str; 22] = [
    "~",
    "[]",
    "{}",
    "[[]]",
    "{a: b}",
    "-1",
    "0",
    "99999999999999999999",
    "1e400",
    "0x",
    "true",
    "y",
    "''",
    "\"\\0\"",
    "s",
    "-0.5s",
    "&a x",
    "*a",
    "!x y",
    "\u{fffd}",
    "|",
    "%",
];

/// Numbers that look random but are the same in every run.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn damage(text: &str, sequence: &mut Sequence) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = sequence.below(lines.len());
    let value = VALUES[sequence.below(VALUES.len())];
    match sequence.below(6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[sequence.below(lines.len())].clone()),
        2 => lines[at] = format!("  {}", lines[at]),
        3 => {
            let end = sequence.below(lines[at].len() + 1);
            lines[at].truncate(end);
        }
        4 => {
            let from = sequence.below(lines.len());
            lines.swap(at, from);
        }
        _ => {
            let line = &lines[at];
            let key = line.split_once(':').map_or(line.as_str(), |(key, _)| key);
            lines[at] = format!("{key}: {value}");
        }
    }
    lines.join("\n")
}

#[test]
fn a_damaged_file_never_panics() {
    let mut sequence = Sequence(0x9e37_79b9_7f4a_7c15);
    for round in 0..600 {
        let mut text = FILES[round % FILES.len()].to_owned();
        for _ in 0..=sequence.below(3) {
            text = damage(&text, &mut sequence);
        }
        let options = LoadOptions {
            ignore_unsupported: round % 2 == 0,
        };
        if let Err(errors) = parse(&text, "damaged.yaml", &options) {
            assert!(
                errors.iter().all(|error| !error.reason.is_empty()),
                "{text}"
            );
        }
    }
}

#[test]
fn nesting_and_repetition_without_end_are_refused() {
    let options = LoadOptions::default();
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "a: &a [*a, *a]".to_owned(),
        "x".repeat(1_000_000),
    ] {
        assert!(parse(&text, "endless.yaml", &options).is_err());
    }
}

#[test]
fn deep_nesting_within_the_limit_is_read() {
    let text = format!(
        "node: {{metadata: {}{}}}",
        "{a: ".repeat(90),
        "}".repeat(90)
    );
    let loaded = parse(&text, "deep.yaml", &LoadOptions::default()).unwrap();
    assert!(!loaded.bootstrap.node.message.bytes().is_empty());
}
