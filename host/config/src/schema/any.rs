//! `Any`: a message of the type that `@type` names.

use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage, Value};

use super::decode::Decoder;
use super::{Packed, join, scalar, suggest, well_known};
use crate::yaml::{Data, Entry, Node};

/// Reads an `Any`; what it holds is kept by its path as well.
pub(super) fn read(decoder: &mut Decoder<'_>, any: &mut DynamicMessage, node: &Node, path: &str) {
    let Data::Map(entries) = &node.data else {
        let reason = scalar::expected("a map with `@type`", &node.data);
        return decoder.report.error_at(node.line, path, reason);
    };
    // Envoy Gateway writes `{}` where a configuration is merely present.
    if entries.is_empty() {
        return;
    }
    let url = entries.iter().find(|entry| entry.key == "@type");
    let Some(Data::Text(url)) = url.map(|entry| &entry.value.data) else {
        return decoder
            .report
            .error_at(node.line, path, "needs `@type` with a type URL");
    };
    any.set_field_by_name("type_url", Value::String(url.clone()));
    let Some(descriptor) = resolve(decoder, any, node, url, path) else {
        return;
    };
    let rest: Vec<_> = entries
        .iter()
        .filter(|entry| entry.key != "@type")
        .collect();
    let packed = if is_typed_struct(&descriptor) && !path.ends_with(".configuration") {
        read_typed_struct(decoder, any, &descriptor, &rest, path)
    } else {
        Some(read_packed(decoder, &descriptor, &rest, path))
    };
    let Some(packed) = packed else { return };
    any.set_field_by_name("value", Value::Bytes(packed.message.encode_to_vec().into()));
    decoder.packed.insert(path.to_owned(), packed);
}

fn is_typed_struct(descriptor: &MessageDescriptor) -> bool {
    matches!(
        descriptor.full_name(),
        "xds.type.v3.TypedStruct" | "udpa.type.v1.TypedStruct"
    )
}

/// Reads the message that a `TypedStruct` stands for. Envoy does so wherever it configures an
/// extension; a plugin's own `configuration` it hands over as it is.
fn read_typed_struct(
    decoder: &mut Decoder<'_>,
    any: &mut DynamicMessage,
    descriptor: &MessageDescriptor,
    entries: &[&Entry],
    path: &str,
) -> Option<Packed> {
    let wrapper = decoder.fields(descriptor, entries, path);
    let url = wrapper
        .get_field_by_name("type_url")
        .and_then(|url| url.as_str().map(str::to_owned));
    any.set_field_by_name("type_url", Value::String(url.clone().unwrap_or_default()));
    let entry = entries.iter().find(|entry| entry.key == "value");
    let node = entry
        .map(|entry| &*entry.value)
        .filter(|node| node.data != Data::Null);
    let url = url.filter(|url| !url.is_empty())?;
    let empty = Node {
        line: 0,
        data: Data::Map(Vec::new()),
    };
    let descriptor = resolve(decoder, any, node.unwrap_or(&empty), &url, path)?;
    let path = join(path, "value");
    let message = decoder.message(&descriptor, node.unwrap_or(&empty), &path);
    Some(Packed { message, path })
}

fn read_packed(
    decoder: &mut Decoder<'_>,
    descriptor: &MessageDescriptor,
    entries: &[&Entry],
    path: &str,
) -> Packed {
    if !well_known::is_special(descriptor.full_name()) {
        let message = decoder.fields(descriptor, entries, path);
        return Packed {
            message,
            path: path.to_owned(),
        };
    }
    for other in entries.iter().filter(|entry| entry.key != "value") {
        let reason = format!(
            "a {} holds `value` and nothing else",
            descriptor.full_name()
        );
        decoder
            .report
            .error_at(other.line, &join(path, &other.key), reason);
    }
    let path = join(path, "value");
    let value = entries.iter().find(|entry| entry.key == "value");
    let message = match value {
        Some(entry) if well_known::is_value(descriptor) || entry.value.data != Data::Null => {
            decoder.report.set_line(&path, entry.line);
            decoder.message(descriptor, &entry.value, &path)
        }
        _ => DynamicMessage::new(descriptor.clone()),
    };
    Packed { message, path }
}

/// Finds the message of a type URL, whatever stands before its last slash.
fn resolve(
    decoder: &Decoder<'_>,
    any: &DynamicMessage,
    node: &Node,
    url: &str,
    path: &str,
) -> Option<MessageDescriptor> {
    let descriptor = any.descriptor();
    let pool = descriptor.parent_pool();
    let Some((_, name)) = url.rsplit_once('/') else {
        let example = format!("\"type.googleapis.com/{url}\"");
        let reason = format!("`@type` \"{url}\" is not a type URL such as {example}");
        decoder.report.error_at(node.line, path, reason);
        return None;
    };
    let found = pool.get_message_by_name(name);
    if found.is_none() {
        let messages: Vec<_> = pool.all_messages().collect();
        let names: Vec<_> = messages.iter().map(MessageDescriptor::full_name).collect();
        decoder
            .report
            .unknown_type(path, name, &suggest::hint(name, &names));
    }
    found
}
