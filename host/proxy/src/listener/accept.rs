//! Accepting: from a socket to a connection that a chain serves.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;

use super::filter_chain::{Chain, FilterChains, Terminal, Traits};
use super::{ChainPin, ListenerKey};
use crate::filter::{ConnectionInfo, ListenerInfo, TlsInfo};
use crate::generation::{CountedStream, Published};
use crate::http;
use crate::telemetry::{ListenerStats, ListenerTlsStats, ListenerWorkerStats, listener_prefix};
use crate::transport::Transport;
use crate::worker::{self, WorkerContext};

/// Time for a client to say what a chain is chosen by, as in Envoy.
const LISTENER_FILTERS_TIMEOUT: Duration = Duration::from_secs(15);
/// A pause after the system refused a connection, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// First byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// A listener on one worker, as one generation has it.
pub(crate) struct Listener {
    info: Rc<ListenerInfo>,
    key: ListenerKey,
    generation: u64,
    chains: Rc<FilterChains>,
    worker: Rc<WorkerContext>,
    stats: ListenerStats,
    worker_stats: ListenerWorkerStats,
    /// Shown by listeners that speak TLS.
    tls_stats: Option<ListenerTlsStats>,
}

/// A socket of one worker and the task that accepts from it. Generations come and go, it stays.
#[derive(Debug)]
pub(crate) struct Accepting {
    last: oneshot::Sender<Option<Rc<Listener>>>,
}

impl Accepting {
    /// Starts to accept for the listener of this key, whatever generation is served.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn start(
        socket: std::net::TcpListener,
        key: ListenerKey,
        published: Rc<Published>,
    ) -> io::Result<Self> {
        let socket = TcpListener::from_std(socket)?;
        let (last, told) = oneshot::channel();
        worker::spawn(accept(socket, key, published, told));
        Ok(Self { last })
    }

    /// Accepts nothing more but what waits already, for the listener as it was last.
    pub(crate) fn stop(self, last: Option<Rc<Listener>>) {
        // The task is there as long as the worker is.
        drop(self.last.send(last));
    }
}

async fn accept(
    socket: TcpListener,
    key: ListenerKey,
    published: Rc<Published>,
    mut told: oneshot::Receiver<Option<Rc<Listener>>>,
) {
    let last = loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            last = &mut told => break last.ok().flatten(),
        };
        match (accepted, published.listener(&key)) {
            (Ok((stream, peer)), Some(listener)) => {
                worker::spawn(listener.serve_counted(Rc::clone(&published), stream, peer));
            }
            // It was removed a moment ago, and the word of it is on its way.
            (Ok(_), None) => {}
            (Err(error), _) => {
                tracing::warn!(?key, %error, "accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    };
    let Some(listener) = last else { return };
    let waiting = |cx: &mut Context<'_>| Poll::Ready(socket.poll_accept(cx));
    while let Poll::Ready(Ok((stream, peer))) = std::future::poll_fn(waiting).await {
        let listener = Rc::clone(&listener);
        worker::spawn(listener.serve_counted(Rc::clone(&published), stream, peer));
    }
}

impl Listener {
    /// Returns a listener of a generation with its chains.
    pub(crate) fn new(
        config: &tollgate_config::Listener,
        generation: u64,
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
            key: ListenerKey::of(config),
            generation,
            chains: Rc::new(chains),
            worker: Rc::clone(worker),
            stats,
            worker_stats,
            tls_stats,
        })
    }

    /// Returns what makes it the same listener in another generation.
    pub(crate) fn key(&self) -> &ListenerKey {
        &self.key
    }

    /// Returns the chain here that a connection of another generation's chain may go on with.
    pub(super) fn same_chain(&self, other: &Chain) -> Option<Rc<Chain>> {
        self.chains.same(other)
    }

    async fn serve_counted(
        self: Rc<Self>,
        published: Rc<Published>,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        let _counted = self.stats.connection(&self.worker_stats);
        let _open = self.worker.count_connection();
        // Until it is known what serves it, and for ever if that is no HTTP.
        let counted = CountedStream::new(self.worker.streams());
        let Some((chain, info, client)) = self.open(stream, peer).await else {
            return;
        };
        match &chain.service.terminal {
            Terminal::Tcp(proxy) => {
                let proxy = Rc::clone(proxy);
                proxy.serve(&chain.service.plugins, info, client).await;
            }
            Terminal::Http(manager) => {
                let client = chain.service.filtered(&info, client);
                let pin = ChainPin::new(&published, &self.key, self.generation, &chain, manager);
                pin.follow_now();
                // It may outlive the generation that has accepted it.
                drop((counted, self, chain));
                http::serve(pin, info, client).await;
            }
        }
    }

    /// Makes a connection of what was accepted: its chain, its facts and its bytes.
    async fn open(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Option<(Rc<Chain>, ConnectionInfo, Transport)> {
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
                tracing::debug!(%peer, "no filter chain matches");
                return None;
            }
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "client connection");
                return None;
            }
            Err(_) => {
                self.stats.downstream_pre_cx_timeout.inc();
                tracing::debug!(%peer, "client said nothing");
                return None;
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
        Some((Rc::clone(chain), info, transport))
    }

    /// Chooses the chain and, if it says so, speaks TLS.
    async fn accept(&self, stream: TcpStream) -> io::Result<Option<Accepted<'_>>> {
        if !self.chains.must_inspect() {
            return match self.chains.find(&Traits::default()) {
                Some(chain) if chain.tls.is_some() => self.accept_tls(stream).await,
                Some(_) | None => self.accept_plain(stream, &Traits::default()),
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
type Accepted<'a> = (&'a Rc<Chain>, Transport, Option<String>, Option<TlsInfo>);

fn next_connection_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("key", &self.key)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
