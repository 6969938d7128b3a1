//! `tollgate demo`: a built-in upstream behind both built-in filters, and what to try.
//!
//! The demo is an ordinary configuration: it writes its `envoy.yaml` and the two modules to a
//! folder and serves that file, so that real Envoy can serve the same one.

use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tollgate_config::LoadOptions;
use tollgate_proxy::{Server, ServerOptions, Signals};

use crate::args::DemoArguments;
use crate::error::CommandError;
use crate::run::load;
use crate::settings;
use crate::upstream::{Protocol, Upstream};

const API_KEY_AUTH: &[u8] = include_bytes!(env!("API_KEY_AUTH_WASM"));
const LOCAL_RATE_LIMIT: &[u8] = include_bytes!(env!("LOCAL_RATE_LIMIT_WASM"));
const ENVOY_YAML: &str = include_str!("envoy.yaml");

/// Serves the demo until a signal ends it.
///
/// # Errors
///
/// When the port is taken or the folder cannot be written.
pub(crate) fn demo(arguments: &DemoArguments) -> Result<ExitCode, CommandError> {
    let signals = Signals::register()?;
    let port = free_port(arguments.port)?;
    let upstream = Upstream::start((Ipv4Addr::LOCALHOST, 0).into(), Protocol::Http1)?;
    let folder = Folder::create()?;
    let file = folder.write(port, upstream.address())?;
    let bootstrap = load(&file, LoadOptions::default())?;
    let options = ServerOptions {
        settings: Arc::new(settings::defaults()),
        ..ServerOptions::default()
    };
    let server = Server::start(vec![bootstrap], options)?;
    print_invitation(port, server.admin_address(), upstream.address(), &file)?;
    server.wait_for_signal(signals);
    Ok(ExitCode::SUCCESS)
}

/// Returns the port asked for, or any free one for 0.
fn free_port(port: u16) -> Result<u16, CommandError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        format!("port {port}: {error}; choose another with `tollgate demo --port PORT`")
    })?;
    Ok(listener.local_addr()?.port())
}

/// The demo's files, removed when the demo ends.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self, CommandError> {
        let path = std::env::temp_dir().join(format!("tollgate-demo-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Writes the modules and a configuration that names them; returns the configuration's path.
    fn write(&self, port: u16, upstream: SocketAddr) -> Result<PathBuf, CommandError> {
        let yaml = ENVOY_YAML
            .replace("{{port}}", &port.to_string())
            .replace("{{upstream_port}}", &upstream.port().to_string())
            .replace("{{folder}}", &self.0.display().to_string());
        let file = self.0.join("envoy.yaml");
        for (path, content) in [
            (&self.0.join("api_key_auth.wasm"), API_KEY_AUTH),
            (&self.0.join("local_rate_limit.wasm"), LOCAL_RATE_LIMIT),
            (&file, yaml.as_bytes()),
        ] {
            fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left-over files in the temporary folder harm nobody.
        drop(fs::remove_dir_all(&self.0));
    }
}

fn print_invitation(
    port: u16,
    admin: Option<SocketAddr>,
    upstream: SocketAddr,
    file: &Path,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Tollgate is serving:")?;
    writeln!(
        out,
        "  listener  http://127.0.0.1:{port}   api-key-auth, local-rate-limit"
    )?;
    writeln!(out, "  upstream  http://{upstream}   echoes the request")?;
    if let Some(admin) = admin {
        writeln!(out, "  admin     http://{admin}/stats")?;
    }
    writeln!(
        out,
        "  the file  {}   (real Envoy serves it as well)",
        file.display()
    )?;
    writeln!(out, "\nTry in another terminal:")?;
    writeln!(out, "  rejected  curl -i http://127.0.0.1:{port}/")?;
    writeln!(
        out,
        "  accepted  curl -i -H 'x-api-key: demo-key' http://127.0.0.1:{port}/"
    )?;
    writeln!(
        out,
        "  limited   curl -s -o /dev/null -w '%{{http_code}}\\n' -H 'x-api-key: demo-key' \
         'http://127.0.0.1:{port}/?[1-8]'"
    )?;
    writeln!(out, "\nCtrl-C ends it.")?;
    out.flush()
}
