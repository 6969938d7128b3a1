//! Accepting: from a socket to a connection that a chain serves.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;

use super::filter_chain::{Chain, FilterChains, Traits};
use crate::filter::{ConnectionInfo, ListenerInfo, TlsInfo};
use crate::telemetry::{ListenerStats, ListenerTlsStats, ListenerWorkerStats, listener_prefix};
use crate::transport::Transport;
use crate::worker::{self, WorkerContext};

/// Time for a client to say what a chain is chosen by, as in Envoy.
const LISTENER_FILTERS_TIMEOUT: Duration = Duration::from_secs(15);
/// A pause after the system refused a connection, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// First byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// A listener on one worker.
pub(crate) struct Listener {
    info: Rc<ListenerInfo>,
    chains: Rc<FilterChains>,
    worker: Rc<WorkerContext>,
    stats: ListenerStats,
    worker_stats: ListenerWorkerStats,
    /// Shown by listeners that speak TLS.
    tls_stats: Option<ListenerTlsStats>,
}

impl Listener {
    /// Returns a listener with its chains.
    pub(crate) fn new(
        config: &tollgate_config::Listener,
        chains: FilterChains,
        worker: &Rc<WorkerContext>,
    ) -> Rc<Self> {
        let info = Rc::new(ListenerInfo {
            name: config.name.clone(),
            direction: config.traffic_direction.into(),
            metadata: config.metadata.clone(),
        });
        let (all, prefix) = (&worker.stats, listener_prefix(config.address));
        let stats = ListenerStats::new(all, &prefix);
        let own_prefix = format!("{prefix}worker_{}.", all.worker_index());
        let worker_stats = ListenerWorkerStats::new(all, &own_prefix);
        let tls_stats = chains
            .speak_tls()
            .then(|| ListenerTlsStats::new(all, &format!("{prefix}ssl.")));
        Rc::new(Self {
            info,
            chains: Rc::new(chains),
            worker: Rc::clone(worker),
            stats,
            worker_stats,
            tls_stats,
        })
    }

    /// Accepts connections until the task is dropped.
    pub(crate) async fn run(self: Rc<Self>, socket: TcpListener) {
        loop {
            match socket.accept().await {
                Ok((stream, peer)) => {
                    worker::spawn(Rc::clone(&self).serve_counted(stream, peer));
                }
                Err(error) => {
                    tracing::warn!(listener = %self.info.name, %error, "accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve_counted(self: Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        let _counted = self.stats.connection(&self.worker_stats);
        self.serve(stream, peer).await;
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let _counted = self.worker.count_connection();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let local = stream.local_addr().unwrap_or(peer);
        let accepting = self.accept(stream);
        let accepted = tokio::time::timeout(LISTENER_FILTERS_TIMEOUT, accepting).await;
        let (chain, transport, server_name, tls) = match accepted {
            Ok(Ok(Some(accepted))) => accepted,
            Ok(Ok(None)) => {
                self.stats.no_filter_chain_match.inc();
                return tracing::debug!(%peer, "no filter chain matches");
            }
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "client connection"),
            Err(_) => {
                self.stats.downstream_pre_cx_timeout.inc();
                return tracing::debug!(%peer, "client said nothing");
            }
        };
        let info = ConnectionInfo {
            id: next_connection_id(),
            local_address: local,
            remote_address: peer,
            requested_server_name: server_name,
            tls,
            filter_chain_name: chain.name.clone(),
            listener: Rc::clone(&self.info),
            transport_failure_reason: None,
            state: Rc::default(),
        };
        chain.service.serve(info, transport).await;
    }

    /// Chooses the chain and, if it says so, speaks TLS.
    async fn accept(&self, stream: TcpStream) -> io::Result<Option<Accepted<'_>>> {
        if !self.chains.must_inspect() {
            return match self.chains.find(&Traits::default()) {
                Some(Chain { tls: None, .. }) | None => {
                    self.accept_plain(stream, &Traits::default())
                }
                Some(_) => self.accept_tls(stream).await,
            };
        }
        let mut first = [0];
        let count = stream.peek(&mut first).await?;
        if count == 1 && first == [TLS_HANDSHAKE] {
            self.accept_tls(stream).await
        } else {
            self.accept_plain(stream, &Traits::default())
        }
    }

    fn accept_plain(
        &self,
        stream: TcpStream,
        traits: &Traits<'_>,
    ) -> io::Result<Option<Accepted<'_>>> {
        let chain = self.chains.find(traits);
        if chain.is_some_and(|chain| chain.tls.is_some()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not TLS"));
        }
        Ok(chain.map(|chain| (chain, Transport::Plain(stream), None, None)))
    }

    async fn accept_tls(&self, stream: TcpStream) -> io::Result<Option<Accepted<'_>>> {
        let handshake = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = handshake.client_hello();
        let server_name = hello.server_name().map(str::to_ascii_lowercase);
        let offered: Vec<String> = hello
            .alpn()
            .into_iter()
            .flatten()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned())
            .collect();
        let traits = Traits {
            is_tls: true,
            server_name: server_name.as_deref(),
            application_protocols: &offered,
        };
        let Some(chain) = self.chains.find(&traits) else {
            return Ok(None);
        };
        let Some(tls) = &chain.tls else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "TLS is not expected",
            ));
        };
        let config = tls.config_for(&handshake.client_hello());
        let outcome = handshake.into_stream(config).await;
        if let Some(stats) = &self.tls_stats {
            match &outcome {
                Ok(_) => stats.handshake.inc(),
                Err(_) => stats.connection_error.inc(),
            }
        }
        let stream = outcome?;
        let facts = tls.facts(stream.get_ref().1);
        let transport = Transport::Server(Box::new(stream));
        Ok(Some((chain, transport, server_name, Some(facts))))
    }
}

/// A connection whose chain is chosen: the chain, the bytes, the server name, and TLS facts.
type Accepted<'a> = (&'a Chain, Transport, Option<String>, Option<TlsInfo>);

fn next_connection_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
