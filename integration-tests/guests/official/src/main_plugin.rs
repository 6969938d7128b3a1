//! The root `main`: the path of a request chooses what its filter does.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::Action;

use crate::{
    Behaviour, body, callout, headers, local_response, metrics, pause, properties, shared_data,
    surface, trailers,
};

/// Root context of the plugin.
pub(crate) struct Main;

impl Context for Main {}

impl RootContext for Main {
    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Dispatch::new(context_id)))
    }
}

/// A filter that becomes what the path asks for when the request's headers arrive.
pub(crate) struct Dispatch {
    context_id: u32,
    behaviour: Option<Behaviour>,
}

impl Dispatch {
    pub(crate) fn new(context_id: u32) -> Self {
        Self {
            context_id,
            behaviour: None,
        }
    }

    fn choose(&self) -> Option<Behaviour> {
        let path = self.get_http_request_header(":path")?;
        let path = path.split('?').next()?;
        let (topic, name) = path.trim_start_matches('/').split_once('/')?;
        let name = name.split('/').next()?;
        match topic {
            "headers" => headers::behaviour(name),
            "body" => body::behaviour(name),
            "trailers" => trailers::behaviour(name),
            "local-response" => local_response::behaviour(name),
            "callout" => callout::behaviour(name),
            "shared-data" => shared_data::behaviour(name),
            "metrics" => metrics::behaviour(name),
            "pause" => pause::behaviour(name, self.context_id),
            "properties" => properties::behaviour(name),
            "surface" => surface::behaviour(name, self.context_id),
            _ => None,
        }
    }
}

impl Context for Dispatch {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, trailers: usize) {
        if let Some(behaviour) = &mut self.behaviour {
            behaviour.on_http_call_response(token, headers, body, trailers);
        }
    }

    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        if let Some(behaviour) = &mut self.behaviour {
            behaviour.on_grpc_call_response(token, status, size);
        }
    }

    fn on_grpc_stream_initial_metadata(&mut self, token: u32, count: u32) {
        if let Some(behaviour) = &mut self.behaviour {
            behaviour.on_grpc_stream_initial_metadata(token, count);
        }
    }

    fn on_grpc_stream_message(&mut self, token: u32, size: usize) {
        if let Some(behaviour) = &mut self.behaviour {
            behaviour.on_grpc_stream_message(token, size);
        }
    }

    fn on_grpc_stream_trailing_metadata(&mut self, token: u32, count: u32) {
        if let Some(behaviour) = &mut self.behaviour {
            behaviour.on_grpc_stream_trailing_metadata(token, count);
        }
    }

    fn on_grpc_stream_close(&mut self, token: u32, status: u32) {
        if let Some(behaviour) = &mut self.behaviour {
            behaviour.on_grpc_stream_close(token, status);
        }
    }

    fn on_done(&mut self) -> bool {
        self.behaviour.as_mut().is_none_or(|inner| inner.on_done())
    }
}

impl HttpContext for Dispatch {
    fn on_http_request_headers(&mut self, count: usize, end_of_stream: bool) -> Action {
        self.behaviour = self.choose();
        self.behaviour.as_mut().map_or(Action::Continue, |inner| {
            inner.on_http_request_headers(count, end_of_stream)
        })
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.behaviour.as_mut().map_or(Action::Continue, |inner| {
            inner.on_http_request_body(size, end_of_stream)
        })
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        self.behaviour.as_mut().map_or(Action::Continue, |inner| {
            inner.on_http_request_trailers(count)
        })
    }

    fn on_http_response_headers(&mut self, count: usize, end_of_stream: bool) -> Action {
        self.behaviour.as_mut().map_or(Action::Continue, |inner| {
            inner.on_http_response_headers(count, end_of_stream)
        })
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.behaviour.as_mut().map_or(Action::Continue, |inner| {
            inner.on_http_response_body(size, end_of_stream)
        })
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        self.behaviour.as_mut().map_or(Action::Continue, |inner| {
            inner.on_http_response_trailers(count)
        })
    }

    fn on_log(&mut self) {
        if let Some(behaviour) = &mut self.behaviour {
            behaviour.on_log();
        }
    }
}
