//! Root `configuration`: what the host hands over when it starts a plugin.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType};

use crate::printable;

/// Remembers both configurations.
#[derive(Default)]
pub(crate) struct Configuration {
    vm: String,
    plugin: String,
    sizes_agree: bool,
}

impl Context for Configuration {}

impl RootContext for Configuration {
    fn on_vm_start(&mut self, size: usize) -> bool {
        let vm = self.get_vm_configuration().unwrap_or_default();
        self.sizes_agree = vm.len() == size;
        self.vm = printable(&vm);
        true
    }

    fn on_configure(&mut self, size: usize) -> bool {
        let plugin = self.get_plugin_configuration().unwrap_or_default();
        self.sizes_agree &= plugin.len() == size;
        self.plugin = printable(&plugin);
        plugin != b"refuse me"
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Tell {
            text: format!(
                "vm {}\nplugin {}\nsizes agree {}\n",
                self.vm, self.plugin, self.sizes_agree
            ),
        }))
    }
}

/// Answers every request with what the root remembers.
struct Tell {
    text: String,
}

impl Context for Tell {}

impl HttpContext for Tell {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let later = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX);
        let text = format!("{}readable later {:?}\n", self.text, later);
        self.send_http_response(200, vec![], Some(text.as_bytes()));
        Action::Pause
    }
}
