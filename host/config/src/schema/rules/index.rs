//! The rules of each message, read from its descriptor once a run.

use std::collections::HashMap;
use std::rc::Rc;

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage, Value};

#[derive(Default)]
pub(super) struct Index {
    messages: HashMap<String, Rc<MessageRules>>,
}

#[derive(Default)]
pub(super) struct MessageRules {
    pub(super) disabled: bool,
    pub(super) required_oneofs: Vec<String>,
    pub(super) fields: Vec<FieldRules>,
}

pub(super) struct FieldRules {
    pub(super) descriptor: FieldDescriptor,
    /// The message must be there.
    pub(super) required: bool,
    /// The message is not to be looked into.
    pub(super) skip: bool,
    pub(super) rules: Option<Rules>,
}

/// The member of `validate.FieldRules` that is set.
pub(super) struct Rules {
    /// Its name, such as `string`.
    pub(super) kind: String,
    pub(super) rules: DynamicMessage,
}

impl Rules {
    /// Returns the rules for the items of a list or the keys of a map.
    pub(super) fn inner(&self, field: &str) -> Option<Self> {
        typed(&child(&self.rules, field)?)
    }
}

impl Index {
    pub(super) fn message(&mut self, descriptor: &MessageDescriptor) -> Rc<MessageRules> {
        if let Some(rules) = self.messages.get(descriptor.full_name()) {
            return Rc::clone(rules);
        }
        let rules = Rc::new(read_message(descriptor));
        self.messages
            .insert(descriptor.full_name().to_owned(), Rc::clone(&rules));
        rules
    }
}

fn read_message(descriptor: &MessageDescriptor) -> MessageRules {
    let oneofs = descriptor
        .oneofs()
        .filter(|oneof| option_flag(&oneof.options(), "required"));
    MessageRules {
        disabled: option_flag(&descriptor.options(), "disabled"),
        required_oneofs: oneofs.map(|oneof| oneof.name().to_owned()).collect(),
        fields: descriptor.fields().map(read_field).collect(),
    }
}

fn read_field(descriptor: FieldDescriptor) -> FieldRules {
    let options = descriptor.options();
    let rules = option(&options, "rules");
    let rules = rules.as_ref().and_then(Value::as_message);
    let of_message = rules.and_then(|rules| child(rules, "message"));
    let flag = |name| {
        of_message
            .as_ref()
            .is_some_and(|rules| super::limits::flag(rules, name))
    };
    FieldRules {
        required: flag("required"),
        skip: flag("skip"),
        rules: rules.and_then(typed),
        descriptor,
    }
}

fn typed(rules: &DynamicMessage) -> Option<Rules> {
    let (field, value) = rules
        .fields()
        .find(|(field, _)| field.name() != "message")?;
    Some(Rules {
        kind: field.name().to_owned(),
        rules: value.as_message()?.clone(),
    })
}

fn child(message: &DynamicMessage, field: &str) -> Option<DynamicMessage> {
    let value = message
        .has_field_by_name(field)
        .then(|| message.get_field_by_name(field))??;
    value.as_message().cloned()
}

fn option_flag(options: &DynamicMessage, name: &str) -> bool {
    option(options, name)
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

fn option(options: &DynamicMessage, name: &str) -> Option<Value> {
    let descriptor = options.descriptor();
    let extension = descriptor
        .extensions()
        .find(|extension| extension.full_name().strip_prefix("validate.") == Some(name))?;
    options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension).into_owned())
}
