//! View: a message with its path, so that whoever reads a field can say where it stands.

use std::borrow::Cow;
use std::time::Duration;

use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage, Value};

use crate::ErrorKind;
use crate::report::Report;
use crate::schema::{self, Message};

/// A message of a decoded file. Fields are named as in Envoy's protos; one that is not set has its
/// default.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    message: &'a DynamicMessage,
    path: String,
    file: &'a Message,
    report: &'a Report,
}

impl<'a> View<'a> {
    pub(crate) fn root(file: &'a Message, report: &'a Report) -> Self {
        Self {
            message: &file.root,
            path: String::new(),
            file,
            report,
        }
    }

    /// Returns the full name of the message's type.
    pub(crate) fn type_name(&self) -> String {
        self.message.descriptor().full_name().to_owned()
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn report(&self) -> &'a Report {
        self.report
    }

    pub(crate) fn message(&self) -> &'a DynamicMessage {
        self.message
    }

    /// Returns the path of a field of this message.
    pub(crate) fn path_of(&self, field: &str) -> String {
        schema::join(&self.path, field)
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.message.has_field_by_name(field)
    }

    /// Returns the name of the field that is set in a oneof.
    pub(crate) fn oneof(&self, name: &str) -> Option<String> {
        let descriptor = self.message.descriptor();
        let oneof = descriptor.oneofs().find(|oneof| oneof.name() == name)?;
        let field = oneof.fields().find(|field| self.message.has_field(field))?;
        Some(field.name().to_owned())
    }

    /// Returns the fields that are set.
    pub(crate) fn fields(&self) -> impl Iterator<Item = FieldDescriptor> + use<'a> {
        let message = self.message;
        message.fields().map(|(field, _)| field)
    }

    pub(crate) fn text(&self, field: &str) -> &'a str {
        self.value(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn bool(&self, field: &str) -> bool {
        self.value(field)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    pub(crate) fn u32(&self, field: &str) -> u32 {
        self.value(field)
            .and_then(Value::as_u32)
            .unwrap_or_default()
    }

    pub(crate) fn bytes(&self, field: &str) -> bytes::Bytes {
        self.value(field)
            .and_then(Value::as_bytes)
            .cloned()
            .unwrap_or_default()
    }

    /// Returns the content of a `BoolValue`.
    pub(crate) fn bool_value(&self, field: &str) -> Option<bool> {
        self.wrapped(field)?.as_bool()
    }

    /// Returns the content of a `UInt32Value`.
    pub(crate) fn u32_value(&self, field: &str) -> Option<u32> {
        self.wrapped(field)?.as_u32()
    }

    /// Returns a duration; a negative one is an error, as in Envoy.
    pub(crate) fn duration(&self, field: &str) -> Option<Duration> {
        let view = self.child(field)?;
        let seconds = view
            .value("seconds")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let nanos = view
            .value("nanos")
            .and_then(Value::as_i32)
            .unwrap_or_default();
        match (u64::try_from(seconds), u32::try_from(nanos)) {
            (Ok(seconds), Ok(nanos)) => Some(Duration::new(seconds, nanos)),
            _ => {
                self.error(field, "a duration may not be negative");
                None
            }
        }
    }

    /// Returns the name of an enum's value; the default's when it is not set.
    pub(crate) fn enumerator(&self, field: &str) -> String {
        let descriptor = self.message.descriptor();
        let Some(field) = descriptor.get_field_by_name(field) else {
            return String::new();
        };
        let number = self
            .message
            .get_field(&field)
            .as_enum_number()
            .unwrap_or_default();
        let kind = field.kind();
        let value = kind.as_enum().and_then(|kind| kind.get_value(number));
        value.map_or_else(|| number.to_string(), |value| value.name().to_owned())
    }

    /// Returns the number of an enum's value.
    pub(crate) fn enum_number(&self, field: &str) -> i32 {
        let value = self.message.get_field_by_name(field);
        value
            .and_then(|value| value.as_enum_number())
            .unwrap_or_default()
    }

    /// Returns a message field, if it is set.
    pub(crate) fn child(&self, field: &str) -> Option<Self> {
        let message = self.value(field)?.as_message()?;
        Some(self.at(message, self.path_of(field)))
    }

    /// Returns what an `Any` field holds. `None` is either absent or reported already.
    pub(crate) fn packed(&self, field: &str) -> Option<Self> {
        let packed = self.file.packed.get(&self.path_of(field))?;
        Some(self.at(&packed.message, packed.path.clone()))
    }

    /// Returns the configuration of an extension. Envoy finds the extension by its type; without one
    /// there is an error, unless it is to be discovered.
    pub(crate) fn extension(&self, what: &str) -> Option<Self> {
        let field = "typed_config";
        let config = self.packed(field);
        let typed = self
            .child(field)
            .is_some_and(|any| !any.text("type_url").is_empty());
        if config.is_none() && !typed && !self.has("config_discovery") {
            self.error("", format!("{what} needs a `typed_config` with `@type`"));
        }
        config
    }

    /// Returns what this `Any` holds.
    pub(crate) fn unpacked(&self) -> Option<Self> {
        let packed = self.file.packed.get(&self.path)?;
        Some(self.at(&packed.message, packed.path.clone()))
    }

    /// Returns the messages of a repeated field.
    pub(crate) fn children(&self, field: &str) -> Vec<Self> {
        let items = self
            .value(field)
            .and_then(Value::as_list)
            .unwrap_or_default();
        let path = self.path_of(field);
        let messages = items.iter().filter_map(Value::as_message).enumerate();
        messages
            .map(|(index, message)| self.at(message, format!("{path}[{index}]")))
            .collect()
    }

    /// Returns the strings of a repeated field.
    pub(crate) fn texts(&self, field: &str) -> Vec<&'a str> {
        let items = self
            .value(field)
            .and_then(Value::as_list)
            .unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect()
    }

    /// Returns the strings of a map, in the order of the file.
    pub(crate) fn text_map(&self, field: &str) -> Vec<(String, &'a str)> {
        let entries = self.entries(field).into_iter();
        entries
            .filter_map(|(key, value)| Some((key, value.as_str()?)))
            .collect()
    }

    /// Returns the messages of a map, in the order of the file.
    pub(crate) fn map(&self, field: &str) -> Vec<(String, Self)> {
        let path = self.path_of(field);
        let entries = self.entries(field).into_iter();
        entries
            .filter_map(|(key, value)| {
                let view = self.at(value.as_message()?, format!("{path}[\"{key}\"]"));
                Some((key, view))
            })
            .collect()
    }

    /// Reports a meaning that Envoy refuses as well. With an empty field the message is named.
    pub(crate) fn error(&self, field: &str, reason: impl Into<String>) {
        self.report
            .error(ErrorKind::Semantic, &self.named(field), reason);
    }

    /// Reports something valid that is not implemented.
    pub(crate) fn unsupported(&self, field: &str, what: &str) {
        self.report.unsupported(&self.named(field), what);
    }

    /// Reports something without effect.
    pub(crate) fn warning(&self, field: &str, reason: impl Into<String>) {
        self.report.warning(&self.named(field), reason);
    }

    fn named(&self, field: &str) -> Cow<'_, str> {
        match field {
            "" => Cow::Borrowed(&self.path),
            _ => Cow::Owned(self.path_of(field)),
        }
    }

    fn at(&self, message: &'a DynamicMessage, path: String) -> Self {
        Self {
            message,
            path,
            file: self.file,
            report: self.report,
        }
    }

    fn value(&self, field: &str) -> Option<&'a Value> {
        match self.message.get_field_by_name(field)? {
            Cow::Borrowed(value) => Some(value),
            Cow::Owned(_) => None,
        }
    }

    fn wrapped(&self, field: &str) -> Option<Cow<'a, Value>> {
        self.value(field)?.as_message()?.get_field_by_name("value")
    }

    fn entries(&self, field: &str) -> Vec<(String, &'a Value)> {
        let Some(entries) = self.value(field).and_then(Value::as_map) else {
            return Vec::new();
        };
        let path = self.path_of(field);
        let mut entries: Vec<_> = entries
            .iter()
            .map(|(key, value)| (schema::key_text(key), value))
            .map(|(key, value)| (self.report.line(&format!("{path}[\"{key}\"]")), key, value))
            .collect();
        entries.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
        entries
            .into_iter()
            .map(|(_, key, value)| (key, value))
            .collect()
    }
}
