//! Isolation: how far the harm of a crash reaches, whatever the crash and wherever it happens.

mod crashes;
mod guest;
mod soak;

use tollgate_integration_tests::client::{Body, Gate, Pending, Request, Response};
use tollgate_integration_tests::origin::{Answer, Origin};
use tollgate_integration_tests::{Supervised, free_port};

use crate::support::{Configuration, Folder};

/// The callbacks in which the guest crashes when it is asked to.
pub(super) const CALLBACKS: [Callback; 8] = [
    Callback("request-headers", Ending::Answered),
    Callback("body of the request", Ending::Answered),
    Callback("trailers of the request", Ending::Answered),
    Callback("headers of the response", Ending::Answered),
    Callback("data of the response", Ending::BrokenOff),
    Callback("fields after the response", Ending::BrokenOff),
    Callback("log", Ending::Unharmed),
    Callback("answer to a callout", Ending::Answered),
];

/// The ways to crash, by their first letters: the guest looks at no more.
pub(super) const WAYS: [&str; 4] = ["unreachable", "loop", "memory", "stack"];

/// A callback by a name whose first letter the guest knows, and what a client sees of a crash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callback(&'static str, Ending);

/// What becomes of the request that crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It is answered 503.
    Answered,
    /// It had been answered in part, and is reset.
    BrokenOff,
    /// It was over.
    Unharmed,
}

/// The program with the guest, before an origin.
#[derive(Debug)]
pub(super) struct Run {
    origin: Origin,
    port: u16,
    admin: u16,
    process: Supervised,
    folder: Folder,
}

impl Run {
    #[track_caller]
    pub(super) fn start(settings: &str, arguments: &[&str]) -> Self {
        let (origin, folder) = (Origin::start(), Folder::new());
        let (port, admin) = (free_port(), free_port());
        let text = configuration(&folder, (port, admin), &origin, 0);
        let file = folder.write("envoy.yaml", text);
        let settings = folder.write("tollgate.yaml", settings);
        let mut all = vec!["run", &file, "--tollgate-config", &settings];
        all.extend(["--log-level", "warn,tollgate=info"]);
        all.extend(arguments);
        let process = folder.start(&all, "serving");
        let run = Self {
            origin,
            port,
            admin,
            process,
            folder,
        };
        run.origin.answer("/", answer());
        run
    }

    /// Reloads with the module and the plugin's configuration of another version; returns what is
    /// said if that does not go well.
    pub(super) fn reload(&self, version: u8) -> Result<(), String> {
        let ports = (self.port, self.admin);
        let text = configuration(&self.folder, ports, &self.origin, version);
        self.folder.write("envoy.yaml", text);
        let said = Request::new(self.admin, "POST", "/tollgate/reload").send();
        match said.status {
            200 => Ok(()),
            _ => Err(format!("{said:?}")),
        }
    }

    /// A request that crashes in a callback.
    pub(super) fn crash(&self, callback: Callback, way: &str) -> Response {
        self.request()
            .header("x-at", callback.0)
            .header("x-how", way)
            .stream(body())
            .send()
    }

    pub(super) fn request(&self) -> Request {
        Request::new(self.port, "POST", "/").http2()
    }

    pub(super) fn served(&self) -> Response {
        self.request().stream(body()).send()
    }

    /// Starts requests whose answers wait for a gate.
    pub(super) fn in_flight(&self, count: usize, gate: &Gate) -> Vec<Pending> {
        let late = Body::chunks().chunk("an").wait(gate).chunk("swer");
        let late = late.trailers(&[("x-end", "yes")]);
        self.origin.answer("/late", Answer::stream(late));
        let late = |_| {
            let request = Request::new(self.port, "POST", "/late").http2();
            request.stream(body()).start()
        };
        (0..count).map(late).collect()
    }

    pub(super) fn stat(&self, name: &str) -> u64 {
        let path = format!("/stats?filter=^{name}$");
        let text = Request::new(self.admin, "GET", &path).send().text();
        let value = text.trim().strip_prefix(&format!("{name}: "));
        let value = value.and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("{name} is {text:?}"))
    }
}

/// Writes a version of the module; returns the configuration that names it.
fn configuration(folder: &Folder, ports: (u16, u16), origin: &Origin, version: u8) -> String {
    // A custom section, so that each version is a module of its own.
    let section = [0, 3, 1, b'v', version];
    let module = folder.write("guest.wasm", [&*guest::bytes(), &section].concat());
    Configuration::new(ports.0, origin.http2_port())
        .admin(ports.1)
        .plugin(&module, &version.to_string())
        .text()
        .replace("    type: STATIC\n", HTTP2)
        // Streams are held while one after the other crashes.
        .replace("{ cluster: origin }", "{ cluster: origin, timeout: 0s }")
}

/// What an origin answers that nothing holds up.
fn answer() -> Answer {
    let body = Body::chunks().chunk("answer");
    Answer::stream(body.trailers(&[("x-end", "yes")]))
}

fn body() -> Body {
    Body::chunks()
        .chunk("question")
        .trailers(&[("x-end", "yes")])
}

/// Only HTTP/2 has trailers on both sides without more ado.
const HTTP2: &str = r#"    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
"#;
