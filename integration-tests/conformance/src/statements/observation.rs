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
