//! Small modules, right and wrong.

/// A module that every host loads; the parts of a test replace those that it has.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    marker: &'static str,
    allocator: &'static str,
    imports: &'static str,
    start: &'static str,
    vm_start: &'static str,
    configure: &'static str,
    request_headers: &'static str,
}

/// Instructions that crash.
pub(crate) const CRASH: &str = "unreachable";
/// Instructions that never end.
pub(crate) const SPIN: &str = "(loop (br 0)) (unreachable)";

impl Guest {
    pub(crate) fn new() -> Self {
        Self {
            marker: r#"(func (export "proxy_abi_version_0_2_1"))"#,
            allocator: r#"(func (export "proxy_on_memory_allocate") (param i32) (result i32)
                (i32.const 1024))"#,
            imports: "",
            start: "",
            vm_start: "(i32.const 1)",
            configure: "(i32.const 1)",
            request_headers: "",
        }
    }

    pub(crate) fn without_marker(mut self) -> Self {
        self.marker = "";
        self
    }

    pub(crate) fn without_allocator(mut self) -> Self {
        self.allocator = "";
        self
    }

    pub(crate) fn imports(mut self, imports: &'static str) -> Self {
        self.imports = imports;
        self
    }

    /// What `_initialize` does.
    pub(crate) fn start(mut self, body: &'static str) -> Self {
        self.start = body;
        self
    }

    /// What `proxy_on_vm_start` does.
    pub(crate) fn vm_start(mut self, body: &'static str) -> Self {
        self.vm_start = body;
        self
    }

    /// What `proxy_on_configure` does.
    pub(crate) fn configure(mut self, body: &'static str) -> Self {
        self.configure = body;
        self
    }

    /// What `proxy_on_request_headers` does.
    pub(crate) fn request_headers(mut self, body: &'static str) -> Self {
        self.request_headers = body;
        self
    }

    /// The module's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self {
            marker,
            allocator,
            imports,
            start,
            vm_start,
            configure,
            request_headers,
        } = self;
        let stream = match *request_headers {
            "" => String::new(),
            body => format!(
                r#"(func (export "proxy_on_context_create") (param i32 i32))
                (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {body})"#
            ),
        };
        let text = format!(
            r#"(module {imports}
                (memory (export "memory") 1)
                {marker} {allocator}
                (func (export "_initialize") {start})
                (func (export "proxy_on_vm_start") (param i32 i32) (result i32) {vm_start})
                (func (export "proxy_on_configure") (param i32 i32) (result i32) {configure})
                {stream})"#
        );
        wat::parse_str(text).expect("legal text")
    }
}
