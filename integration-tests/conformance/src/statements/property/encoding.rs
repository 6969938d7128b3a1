//! How values are encoded.

use std::time::{SystemTime, UNIX_EPOCH};

use super::read;
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "PR-07",
        text: "All headers together are a serialized map with one pair for each name.",
        verdict: Verdict::Same("one pair a name: true; x-mixed: one,two; :method: POST"),
        note: Some("The order of the pairs is not specified."),
        run: headers_as_map,
    },
    Statement {
        id: "PR-08",
        text: "Integers have 8 bytes, little-endian, a boolean has 1; a time is in nanoseconds.",
        verdict: Verdict::Same(
            r#"request/size=0 "\x05\x00\x00\x00\x00\x00\x00\x00"; connection/mtls=0 "\x00"; request/time: 8 bytes, now: true"#,
        ),
        note: None,
        run: numbers,
    },
    Statement {
        id: "PR-09",
        text: "An address is text with its port, and the port alone is an integer.",
        verdict: Verdict::Same(
            "source: 127.0.0.1, same port: true; destination: 127.0.0.1, same port: true",
        ),
        note: None,
        run: addresses,
    },
];

fn headers_as_map(host: &Host) -> String {
    let [headers] = reports(host, ["request/headers"]);
    let pairs = pairs(&bytes(&headers));
    let mut names: Vec<_> = pairs.iter().map(|(name, _)| name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    let value = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found.map_or("-", |(_, value)| value)
    };
    format!(
        "one pair a name: {}; x-mixed: {}; :method: {}",
        count == names.len() && count > 4,
        value("x-mixed"),
        value(":method")
    )
}

fn numbers(host: &Host) -> String {
    let paths = ["request/size", "connection/mtls", "request/time"];
    let [size, mtls, time] = reports(host, paths);
    let time = bytes(&time);
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later than 1970");
    let age = since_epoch.as_nanos().abs_diff(u128::from(number(&time)));
    format!(
        "{size}; {mtls}; request/time: {} bytes, now: {}",
        time.len(),
        age < 60_000_000_000
    )
}

fn addresses(host: &Host) -> String {
    ["source", "destination"]
        .map(|end| {
            let paths = [format!("{end}/address"), format!("{end}/port")];
            let [address, port_alone] = reports(host, paths.each_ref().map(String::as_str));
            let address = String::from_utf8(bytes(&address)).expect("an address is text");
            let (ip, port) = address.rsplit_once(':').expect("an address has a port");
            let same = port.parse() == Ok(number(&bytes(&port_alone)));
            format!("{end}: {ip}, same port: {same}")
        })
        .join("; ")
}

/// What a guest reports of each path.
fn reports<const N: usize>(host: &Host, paths: [&str; N]) -> [String; N] {
    let reports = read(host, &paths);
    reports.try_into().expect("one report for each path")
}

/// The value of a report, with its escapes undone.
fn bytes(report: &str) -> Vec<u8> {
    let (_, value) = report.split_once("=0 \"").expect("a value was read");
    let mut rest = value.strip_suffix('"').expect("the value's end");
    let mut bytes = Vec::new();
    while let Some(c) = rest.chars().next() {
        let (byte, length) = match (c, rest.get(1..2)) {
            ('\\', Some("x")) => (
                u8::from_str_radix(rest.get(2..4).expect("two digits"), 16).expect("two digits"),
                4,
            ),
            ('\\', _) => (b'\\', 2),
            _ => (u8::try_from(c).expect("reports are ASCII"), 1),
        };
        bytes.push(byte);
        rest = rest.split_at(length).1;
    }
    bytes
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("8 bytes"))
}

/// Decodes a serialized map.
fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let word = |at: usize| {
        let word = bytes.get(at..at + 4).expect("the map is long enough");
        usize::try_from(u32::from_le_bytes(word.try_into().expect("4 bytes"))).expect("64 bits")
    };
    let count = word(0);
    let mut at = 4 + 8 * count;
    let mut text = |length: usize| {
        let part = bytes.get(at..at + length).expect("the map is long enough");
        at += length + 1;
        String::from_utf8_lossy(part).into_owned()
    };
    (0..count)
        .map(|index| (text(word(4 + 8 * index)), text(word(8 + 8 * index))))
        .collect()
}
