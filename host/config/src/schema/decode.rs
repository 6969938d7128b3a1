//! Values into messages, by descriptor; every fault on the way is reported, not only the first.

use std::collections::HashMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

use super::{Message, Packed, join, scalar, suggest, well_known};
use crate::report::Report;
use crate::yaml::{Data, Entry, Node};

/// Decodes a whole file into a message of the type `descriptor`.
pub(crate) fn decode(descriptor: &MessageDescriptor, node: &Node, report: &Report) -> Message {
    let mut decoder = Decoder {
        report,
        packed: HashMap::new(),
    };
    let root = decoder.message(descriptor, node, "");
    Message {
        root,
        packed: decoder.packed,
    }
}

pub(super) struct Decoder<'a> {
    pub(super) report: &'a Report,
    pub(super) packed: HashMap<String, Packed>,
}

impl Decoder<'_> {
    /// Reads a message; what is wrong with it is reported and left out.
    pub(super) fn message(
        &mut self,
        descriptor: &MessageDescriptor,
        node: &Node,
        path: &str,
    ) -> DynamicMessage {
        let map = matches!(node.data, Data::Map(_));
        if well_known::is_special(descriptor.full_name())
            && !(map && well_known::has_plain_form(descriptor.name()))
        {
            return well_known::read(self, descriptor, node, path);
        }
        match &node.data {
            Data::Map(entries) => {
                self.fields(descriptor, &entries.iter().collect::<Vec<_>>(), path)
            }
            Data::Null => DynamicMessage::new(descriptor.clone()),
            data => {
                let reason =
                    scalar::expected(&format!("the message {}", descriptor.full_name()), data);
                self.report.error_at(node.line, path, reason);
                DynamicMessage::new(descriptor.clone())
            }
        }
    }

    /// Reads the fields of a message from the entries of a map.
    pub(super) fn fields(
        &mut self,
        descriptor: &MessageDescriptor,
        entries: &[&Entry],
        path: &str,
    ) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for entry in entries {
            let Some(field) = find_field(descriptor, &entry.key) else {
                self.report.error_at(
                    entry.line,
                    &join(path, &entry.key),
                    unknown_field(descriptor, &entry.key),
                );
                continue;
            };
            let path = join(path, field.name());
            self.report.set_line(&path, entry.line);
            if matches!(entry.value.data, Data::Null) && !well_known::takes_null(&field) {
                continue;
            }
            if message.has_field(&field) {
                let reason = "written twice, in both spellings; the later value is used";
                self.report.warning(&path, reason);
            }
            if let Some(reason) = conflict(&message, &field) {
                self.report.error_at(entry.line, &path, reason);
            } else if let Some(value) = self.field(&field, &entry.value, &path) {
                message.set_field(&field, value);
            }
        }
        message
    }

    fn field(&mut self, field: &FieldDescriptor, node: &Node, path: &str) -> Option<Value> {
        if field.is_map() {
            return self.map(field, node, path);
        }
        if !field.is_list() {
            return self.value(&field.kind(), node, path);
        }
        let mut items = Vec::new();
        flatten(node, &mut items);
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.report.set_line(&path, item.line);
            if matches!(item.data, Data::Null) && !well_known::takes_null(field) {
                self.report
                    .error_at(item.line, &path, "a list may not hold null");
            } else if let Some(value) = self.value(&field.kind(), item, &path) {
                values.push(value);
            }
        }
        Some(Value::List(values))
    }

    fn map(&mut self, field: &FieldDescriptor, node: &Node, path: &str) -> Option<Value> {
        let Kind::Message(pair) = field.kind() else {
            return None;
        };
        let Data::Map(entries) = &node.data else {
            self.report
                .error_at(node.line, path, scalar::expected("a map", &node.data));
            return None;
        };
        let kind = pair.map_entry_value_field().kind();
        let mut values = HashMap::with_capacity(entries.len());
        for entry in entries {
            let path = format!("{path}[\"{}\"]", entry.key);
            self.report.set_line(&path, entry.line);
            match map_key(&pair, entry) {
                Ok(key) => {
                    values.extend(
                        self.value(&kind, &entry.value, &path)
                            .map(|value| (key, value)),
                    );
                }
                Err(reason) => self.report.error_at(entry.line, &path, reason),
            }
        }
        Some(Value::Map(values))
    }

    fn value(&mut self, kind: &Kind, node: &Node, path: &str) -> Option<Value> {
        if let Kind::Message(descriptor) = kind {
            return Some(Value::Message(self.message(descriptor, node, path)));
        }
        match scalar::read(kind, &node.data) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.report.error_at(node.line, path, reason);
                None
            }
        }
    }
}

/// A key is text to YAML; numbers and booleans are read from that text.
fn map_key(pair: &MessageDescriptor, entry: &Entry) -> Result<MapKey, String> {
    let kind = pair.map_entry_key_field().kind();
    let key = scalar::read(&kind, &Data::Text(entry.key.clone()))?;
    key.into_map_key().ok_or_else(|| "not a key".to_owned())
}

/// Fields may be written in snake case or in camel case.
fn find_field(descriptor: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    descriptor
        .get_field_by_name(key)
        .or_else(|| descriptor.get_field_by_json_name(key))
}

fn unknown_field(descriptor: &MessageDescriptor, key: &str) -> String {
    if key == "<<" {
        return "Envoy does not read merge keys".to_owned();
    }
    let fields: Vec<_> = descriptor.fields().collect();
    let names: Vec<_> = fields.iter().map(FieldDescriptor::name).collect();
    let hint = suggest::hint(key, &names);
    format!("no such field in {}{hint}", descriptor.full_name())
}

/// Envoy takes one value for a list of one, and lists within a list for its items.
fn flatten<'n>(node: &'n Node, items: &mut Vec<&'n Node>) {
    match &node.data {
        Data::List(inner) => inner.iter().for_each(|item| flatten(item, items)),
        _ => items.push(node),
    }
}

fn conflict(message: &DynamicMessage, field: &FieldDescriptor) -> Option<String> {
    let oneof = field.containing_oneof()?;
    let other = oneof
        .fields()
        .find(|other| other != field && message.has_field(other))?;
    Some(format!(
        "excludes `{}`, which is written as well",
        other.name()
    ))
}

/// Returns the key of a map entry as text.
pub(crate) fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
        MapKey::String(value) => value.clone(),
    }
}
