//! The second stage: which fields of Envoy's schema Tollgate implements.
//!
//! What is set and not listed is refused, or warned about on request; nothing is dropped silently.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use prost_reflect::{FieldDescriptor, Kind};

use crate::view::View;

/// Fields of one message.
#[derive(Debug, Default)]
struct Rule {
    /// Read by the third stage.
    implemented: HashSet<&'static str>,
    /// Without effect here, and harmless: worth a warning only.
    noted: HashSet<&'static str>,
}

static RULES: LazyLock<HashMap<&'static str, Rule>> =
    LazyLock::new(|| read_rules(include_str!("fields.txt")));

fn read_rules(text: &'static str) -> HashMap<&'static str, Rule> {
    let mut rules = HashMap::<_, Rule>::new();
    let mut message = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let rule = rules.entry(message).or_default();
        match line.trim_start().split_once(' ') {
            Some(("+", fields)) => rule.implemented.extend(fields.split(' ')),
            Some(("~", fields)) => rule.noted.extend(fields.split(' ')),
            _ => message = line,
        }
    }
    rules
}

/// Reports every field that is set, reachable and not implemented.
pub(crate) fn check(view: &View<'_>) {
    let name = view.type_name();
    // A message without a rule has no fields of its own that could be missing: a wrapper, a
    // duration, a plugin's configuration. Whoever reads an extension refuses types it does not know.
    let Some(rule) = RULES.get(name.as_str()) else {
        return;
    };
    for field in view.fields() {
        if rule.implemented.contains(field.name()) {
            descend(view, &field);
        } else if rule.noted.contains(field.name()) {
            view.warning(field.name(), "has no effect in Tollgate");
        } else {
            view.unsupported(field.name(), &format!("`{}` of {name}", field.name()));
        }
    }
}

fn descend(view: &View<'_>, field: &FieldDescriptor) {
    let Kind::Message(message) = field.kind() else {
        return;
    };
    if field.is_map() {
        view.map(field.name())
            .iter()
            .for_each(|(_, child)| check_child(child));
    } else if field.is_list() {
        view.children(field.name()).iter().for_each(check_child);
    } else if message.full_name() == "google.protobuf.Any" {
        view.packed(field.name()).iter().for_each(check);
    } else {
        view.child(field.name()).iter().for_each(check_child);
    }
}

fn check_child(child: &View<'_>) {
    match child.unpacked() {
        Some(packed) => check(&packed),
        None => check(child),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_field_exists_in_the_schema() {
        for (message, rule) in RULES.iter().filter(|(message, _)| !message.is_empty()) {
            let descriptor = crate::schema::descriptor(message).unwrap();
            for field in rule.implemented.iter().chain(&rule.noted) {
                assert!(
                    descriptor.get_field_by_name(field).is_some(),
                    "{message}.{field}"
                );
            }
        }
    }
}
