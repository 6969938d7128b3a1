//! What was observed, in few words.

use crate::running::Running;

/// What the guest reported up to its word `end`, which is waited for.
pub(super) fn reports(proxy: &Running) -> String {
    let mut reports = proxy.wait_for("end");
    reports.pop();
    reports.join(", ")
}

/// The same with the maps among the reports cut to the entries of these names.
pub(super) fn short(reports: &str, names: &[&str]) -> String {
    let mut text = String::new();
    let mut rest = reports;
    while let Some((before, after)) = rest.split_once('{') {
        let (map, after) = after.split_once('}').unwrap_or((after, ""));
        let entries: Vec<_> = map
            .split(", ")
            .filter(|entry| is_of(entry, names))
            .collect();
        text.push_str(&format!("{before}{{{}}}", entries.join(", ")));
        rest = after;
    }
    text + rest
}

fn is_of(entry: &str, names: &[&str]) -> bool {
    entry
        .split_once(": ")
        .is_some_and(|(name, _)| names.contains(&name))
}

/// Waits until so many times the guest has said `end`; returns what it reported after the first
/// `skipped` reports and before that word.
pub(super) fn reports_after(proxy: &Running, skipped: usize, ends: usize) -> String {
    let mut reports = proxy.wait_for_nth("end", ends);
    reports.pop();
    reports.get(skipped..).unwrap_or_default().join(", ")
}

/// The end of a text from the last place where a word is. Envoy configures a plugin more than once:
/// what it said the last time is enough.
pub(super) fn from_last<'a>(text: &'a str, word: &str) -> &'a str {
    text.split_at(text.rfind(word).unwrap_or_default()).1
}
