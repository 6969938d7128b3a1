//! What was configured, as JSON: for those who ask a running proxy.

use std::path::PathBuf;

use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::Value;

/// Fields that hold secrets.
const SECRETS: [&str; 3] = ["private_key", "password", "session_ticket_keys"];

/// Returns a message as JSON with the field names of the file, secrets left out. Empty when the
/// message holds something that has no JSON form.
pub(crate) fn to_json(message: &DynamicMessage) -> Value {
    let mut json = complete_json(message);
    redact(&mut json);
    json
}

/// Returns the files that data comes from, those of secrets too.
pub(crate) fn files(message: &DynamicMessage) -> Vec<PathBuf> {
    let mut files = Vec::new();
    find_files(&complete_json(message), &mut files);
    files
}

fn complete_json(message: &DynamicMessage) -> Value {
    let options = SerializeOptions::new().use_proto_field_name(true);
    let json = message.serialize_with_options(serde_json::value::Serializer, &options);
    json.unwrap_or(Value::Null)
}

fn find_files(value: &Value, files: &mut Vec<PathBuf>) {
    match value {
        Value::Object(fields) => {
            let file = fields.get("filename").and_then(Value::as_str);
            files.extend(file.map(PathBuf::from));
            fields.values().for_each(|value| find_files(value, files));
        }
        Value::Array(items) => items.iter().for_each(|item| find_files(item, files)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRETS.contains(&name.as_str()) {
                    erase(value);
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn erase(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(erase),
        Value::Array(items) => items.iter_mut().for_each(erase),
        Value::String(text) => "[redacted]".clone_into(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::redact;

    #[test]
    fn secrets_are_left_out_wherever_they_are() {
        let mut value = json!({
            "tls_certificates": [
                { "certificate_chain": { "filename": "a" }, "private_key": { "filename": "b" } },
            ],
        });
        redact(&mut value);
        assert_eq!(
            value,
            json!({
                "tls_certificates": [
                    {
                        "certificate_chain": { "filename": "a" },
                        "private_key": { "filename": "[redacted]" },
                    },
                ],
            })
        );
    }
}
