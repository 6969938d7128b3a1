//! Root `surface`: every method of `RootContext`, and queues, whose messages come to a root.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use crate::main_plugin::Dispatch;
use crate::{printable, say};

const QUEUE: &str = "surface-queue";
const MESSAGES: [&[u8]; 2] = [b"by method", b"by hostcall"];

/// Root context of the plugin.
#[derive(Default)]
pub(crate) struct Surface {
    queue: Option<u32>,
    ticks: u32,
}

impl Surface {
    fn use_queue(&mut self) {
        let by_method = self.register_shared_queue(QUEUE);
        let by_call = hostcalls::register_shared_queue(QUEUE);
        let resolved = self.resolve_shared_queue("", QUEUE);
        let same = hostcalls::resolve_shared_queue("surface-vm", QUEUE);
        let none = hostcalls::resolve_shared_queue("no-such-vm", QUEUE);
        let agree = by_call == Ok(by_method) && resolved == Some(by_method) && same == Ok(resolved);
        say(&format!("queue: {agree} {none:?}"));
        self.queue = Some(by_method);
        let [first, second] = MESSAGES;
        let sent = self.enqueue_shared_queue(by_method, Some(first));
        let also = hostcalls::enqueue_shared_queue(by_method, Some(second));
        let lost = hostcalls::enqueue_shared_queue(4_000_000, None);
        say(&format!("enqueued: {sent:?} {also:?} {lost:?}"));
    }
}

impl Context for Surface {
    fn on_done(&mut self) -> bool {
        say("the root is done");
        true
    }

    fn on_foreign_function(&mut self, _: u32, _: usize) {
        say("a foreign function calls");
    }
}

impl RootContext for Surface {
    fn on_vm_start(&mut self, size: usize) -> bool {
        let by_method = self.get_vm_configuration().unwrap_or_default();
        let by_call = hostcalls::get_buffer(BufferType::VmConfiguration, 0, size);
        let same = by_call == Ok(Some(by_method.clone()));
        say(&format!(
            "vm configuration: {} {same}",
            printable(&by_method)
        ));
        true
    }

    fn on_configure(&mut self, size: usize) -> bool {
        let by_method = self.get_plugin_configuration().unwrap_or_default();
        let by_call = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size);
        let same = by_call == Ok(Some(by_method.clone()));
        say(&format!("configuration: {} {same}", printable(&by_method)));
        let period = hostcalls::set_tick_period(Duration::from_millis(30));
        self.set_tick_period(Duration::from_millis(20));
        say(&format!("period: {period:?}"));
        true
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        if self.ticks == 1 {
            self.set_tick_period(Duration::ZERO);
            self.use_queue();
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        let expected = self.queue == Some(queue);
        // The last message that is there is taken by the other way.
        let first = self.dequeue_shared_queue(queue);
        let second = hostcalls::dequeue_shared_queue(queue);
        let text = |message: Option<Vec<u8>>| message.map(|bytes| printable(&bytes));
        say(&format!(
            "ready: {expected} {:?} {:?}",
            first.map(text),
            second.map(text)
        ));
    }

    fn on_log(&mut self) {
        say("the root logs");
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Dispatch::new(context_id)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
