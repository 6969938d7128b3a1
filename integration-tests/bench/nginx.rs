//! nginx: the origin that answers fast, and the proxy to compare with.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tollgate_integration_tests::{Supervised, free_port, repository_root};

use crate::options::Options;

/// A running nginx with one worker.
#[derive(Debug)]
pub(crate) struct Nginx {
    process: Supervised,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    /// An origin that answers every request with a few bytes, over HTTP/1.1.
    pub(crate) fn origin(options: &Options) -> Self {
        let answer = "location / { return 200 'hello from the origin'; }";
        Self::start(answer, options.other_wrapper())
    }

    /// A proxy that keeps connections to the origin open.
    pub(crate) fn proxy(options: &Options, origin: u16) -> Self {
        let pass = format!(
            "location / {{ proxy_pass http://origin; proxy_http_version 1.1; \
             proxy_set_header Connection ''; }} }} \
             upstream origin {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 100000000;"
        );
        Self::start(&pass, options.proxy_wrapper())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Process id of the worker, a child of the supervised master.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn start(server: &str, wrapper: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration(port, server, folder.path())).expect("a configuration");
        let file = file.display().to_string();
        let command: Vec<_> = [wrapper, &["nginx", "-c", &file]].concat();
        let (first, rest) = command.split_first().expect("a command has a program");
        let process = Supervised::start(Path::new(first), rest, &repository_root(), folder.path());
        wait_for(port);
        Self {
            process,
            port,
            _folder: folder,
        }
    }
}

fn configuration(port: u16, server: &str, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; \
         error_log {folder}/error.log; events {{ worker_connections 4096; }} \
         http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; \
         fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; \
         keepalive_requests 100000000; \
         server {{ listen 127.0.0.1:{port} reuseport; {server} }} }}"
    )
}

fn wait_for(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            Instant::now() < deadline,
            "nginx does not listen on port {port}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}
