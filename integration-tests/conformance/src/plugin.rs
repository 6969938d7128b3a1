//! A plugin as a configuration names it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A guest and how it is configured.
#[derive(Clone, Debug)]
pub struct Plugin {
    module: Vec<u8>,
    /// Envoy's `PluginConfig` without `vm_config`.
    fields: Map<String, Value>,
    /// Envoy's `VmConfig` without `code`.
    vm_fields: Map<String, Value>,
}

impl Plugin {
    /// A plugin whose module is given as text.
    #[must_use]
    pub fn wat(text: impl AsRef<str>) -> Self {
        // The error quotes the line.
        let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
        Self::module(module)
    }

    /// A plugin whose module is given as bytes, right or wrong.
    #[must_use]
    pub fn module(module: impl Into<Vec<u8>>) -> Self {
        let vm_fields = [("runtime".to_owned(), json!("envoy.wasm.runtime.v8"))];
        Self {
            module: module.into(),
            fields: Map::new(),
            vm_fields: vm_fields.into_iter().collect(),
        }
    }

    /// Names the plugin; unless told otherwise the first is `guest`, the second `guest-2`.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.field("name", json!(name))
    }

    /// Sets the root id.
    #[must_use]
    pub fn root_id(self, id: &str) -> Self {
        self.field("root_id", json!(id))
    }

    /// Sets the VM's id.
    #[must_use]
    pub fn vm_id(self, id: &str) -> Self {
        self.vm_field("vm_id", json!(id))
    }

    /// Sets the plugin's configuration, a text.
    #[must_use]
    pub fn configuration(self, text: &str) -> Self {
        self.field("configuration", string_value(text))
    }

    /// Sets the VM's configuration, a text.
    #[must_use]
    pub fn vm_configuration(self, text: &str) -> Self {
        self.vm_field("configuration", string_value(text))
    }

    /// Lets requests pass when the guest has crashed.
    #[must_use]
    pub fn fail_open(self) -> Self {
        self.field("fail_open", json!(true))
    }

    /// Says what becomes of requests when the guest has crashed, such as `FAIL_OPEN`.
    #[must_use]
    pub fn failure_policy(self, policy: &str) -> Self {
        self.field("failure_policy", json!(policy))
    }

    /// Restricts the guest to these imports and exports.
    #[must_use]
    pub fn capabilities<const N: usize>(self, names: [&str; N]) -> Self {
        let allowed: BTreeMap<_, _> = names.iter().map(|name| (*name, json!({}))).collect();
        self.field(
            "capability_restriction_config",
            json!({ "allowed_capabilities": allowed }),
        )
    }

    /// Gives the guest environment variables.
    #[must_use]
    pub fn environment<const N: usize>(self, variables: [(&str, &str); N]) -> Self {
        let variables: BTreeMap<_, _> = variables.into_iter().collect();
        self.vm_field("environment_variables", json!({ "key_values": variables }))
    }

    /// Lets body callbacks come while headers wait.
    #[must_use]
    pub fn allow_stop_iteration(self) -> Self {
        self.field("allow_on_headers_stop_iteration", json!(true))
    }

    /// Sets any field of Envoy's `PluginConfig`.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// Sets any field of Envoy's `VmConfig`.
    #[must_use]
    pub fn vm_field(mut self, name: &str, value: Value) -> Self {
        self.vm_fields.insert(name.to_owned(), value);
        self
    }

    /// The module's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.module
    }

    /// Envoy's `PluginConfig`, on one line; the module lies in a file.
    pub(crate) fn to_config(&self, index: usize, file: &str) -> String {
        let mut vm = self.vm_fields.clone();
        vm.insert("code".to_owned(), json!({ "local": { "filename": file } }));
        let mut fields = self.fields.clone();
        fields.insert("vm_config".to_owned(), Value::Object(vm));
        fields
            .entry("name")
            .or_insert_with(|| json!(default_name(index)));
        Value::Object(fields).to_string()
    }
}

fn default_name(index: usize) -> String {
    match index {
        0 => "guest".to_owned(),
        _ => format!("guest-{}", index + 1),
    }
}

fn string_value(text: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": text,
    })
}
