//! The validation rules that Envoy's protos carry as options (protoc-gen-validate), interpreted.
//!
//! Messages are worded as Envoy's are, so that they can be searched for.

mod index;
mod limits;
mod text;

use std::collections::HashMap;

use prost_reflect::{Kind, MapKey, ReflectMessage, Value};

use self::index::{FieldRules, Index, Rules};
use crate::ErrorKind;
use crate::report::Report;
use crate::view::View;

/// Reports every field that breaks a rule, in all messages of the file.
pub(crate) fn check(root: &View<'_>) {
    Checker {
        report: root.report(),
        index: Index::default(),
    }
    .view(root);
}

struct Checker<'a> {
    report: &'a Report,
    index: Index,
}

impl Checker<'_> {
    fn view(&mut self, view: &View<'_>) {
        if view.type_name() == "google.protobuf.Any" {
            return view.unpacked().iter().for_each(|packed| self.view(packed));
        }
        let message = view.message();
        let rules = self.index.message(&message.descriptor());
        if rules.disabled {
            return;
        }
        for oneof in &rules.required_oneofs {
            if view.oneof(oneof).is_none() {
                self.fail(view.path(), format!("oneof `{oneof}`: value is required"));
            }
        }
        for field in &rules.fields {
            // The rules of a oneof's field hold when it is the one that is set.
            let present = message.has_field(&field.descriptor);
            if present || field.descriptor.containing_oneof().is_none() {
                let value = message.get_field(&field.descriptor);
                let path = view.path_of(field.descriptor.name());
                self.field(field, present, &value, &path);
            }
            if present && !field.skip {
                self.descend(view, field);
            }
        }
    }

    /// Goes on in the messages that a field holds.
    fn descend(&mut self, view: &View<'_>, field: &FieldRules) {
        let descriptor = &field.descriptor;
        let Kind::Message(_) = descriptor.kind() else {
            return;
        };
        if descriptor.is_map() {
            view.map(descriptor.name())
                .iter()
                .for_each(|(_, child)| self.view(child));
        } else if descriptor.is_list() {
            view.children(descriptor.name())
                .iter()
                .for_each(|child| self.view(child));
        } else {
            view.child(descriptor.name())
                .iter()
                .for_each(|child| self.view(child));
        }
    }

    fn field(&self, field: &FieldRules, present: bool, value: &Value, path: &str) {
        if field.required && !present {
            return self.fail(path, "value is required");
        }
        let Some(rules) = &field.rules else { return };
        if limits::flag(&rules.rules, "ignore_empty") && !present {
            return;
        }
        let kind = field.descriptor.kind();
        match value {
            Value::List(items) => self.list(rules, items, &kind, path),
            Value::Map(entries) => self.map(rules, entries, path),
            // A scalar that is not set has its default, to which rules apply; a message has nothing.
            Value::Message(_) if !present => self.single(rules, None, &kind, path),
            _ => self.single(rules, Some(value), &kind, path),
        }
    }

    fn list(&self, rules: &Rules, items: &[Value], kind: &Kind, path: &str) {
        self.fail_if(
            path,
            limits::count(&rules.rules, ["min_items", "max_items"], items.len()),
        );
        if limits::flag(&rules.rules, "unique") {
            let repeated = items
                .iter()
                .enumerate()
                .any(|(index, item)| items.iter().take(index).any(|other| other == item));
            let reason = "repeated value must contain unique items";
            self.fail_if(path, repeated.then(|| reason.to_owned()));
        }
        let Some(rules) = rules.inner("items") else {
            return;
        };
        for (index, item) in items.iter().enumerate() {
            self.single(&rules, Some(item), kind, &format!("{path}[{index}]"));
        }
    }

    fn map(&self, rules: &Rules, entries: &HashMap<MapKey, Value>, path: &str) {
        self.fail_if(
            path,
            limits::count(&rules.rules, ["min_pairs", "max_pairs"], entries.len()),
        );
        let Some(rules) = rules.inner("keys") else {
            return;
        };
        for key in entries.keys() {
            let path = format!("{path}[\"{}\"]", super::key_text(key));
            self.single(
                &rules,
                Some(&Value::from(key.clone())),
                &Kind::String,
                &path,
            );
        }
    }

    /// Checks one value; `None` is a message that is not there, about which only `required` speaks.
    fn single(&self, rules: &Rules, value: Option<&Value>, kind: &Kind, path: &str) {
        let Rules { kind: rule, rules } = rules;
        let Some(value) = value else {
            let required = limits::flag(rules, "required");
            return self.fail_if(path, required.then(|| "value is required".to_owned()));
        };
        let value = limits::unwrap(value);
        self.fail_if(
            path,
            match (rule.as_str(), &*value) {
                ("string", Value::String(text)) => text::check(rules, text),
                ("bytes", Value::Bytes(bytes)) => {
                    limits::length(rules, ["min_len", "max_len"], bytes.len(), "bytes")
                }
                ("enum", Value::EnumNumber(number)) => {
                    limits::enumerator(rules, *number, kind.as_enum())
                }
                ("bool", Value::Bool(value)) => limits::boolean(rules, *value),
                (_, value) => limits::number(rules, value),
            },
        );
    }

    fn fail_if(&self, path: &str, reason: Option<String>) {
        if let Some(reason) = reason {
            self.fail(path, reason);
        }
    }

    fn fail(&self, path: &str, reason: impl Into<String>) {
        self.report.error(ErrorKind::Schema, path, reason);
    }
}
