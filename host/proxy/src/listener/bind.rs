//! Binding: every worker gets a socket of its own, on the same address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel keeps for a worker that is busy.
const BACKLOG: i32 = 1024;

/// A bound address with one socket per worker.
#[derive(Debug)]
pub(crate) struct BoundListener {
    /// The address, with the port the system chose if none was given.
    pub(crate) address: SocketAddr,
    sockets: Vec<TcpListener>,
}

impl BoundListener {
    /// Binds an address for a number of workers. Nothing is accepted before a worker does.
    ///
    /// # Errors
    ///
    /// When the address is in use, is not this machine's, or may not be bound.
    pub(crate) fn bind(address: SocketAddr, workers: usize) -> io::Result<Self> {
        if address.port() != 0 {
            // Sockets that share a port would silently share it with another process as well.
            drop(socket(address, false)?);
        }
        let first = socket(address, true)?;
        let address = first.local_addr()?;
        let mut sockets = vec![first];
        for _ in 1..workers {
            sockets.push(socket(address, true)?);
        }
        Ok(Self { address, sockets })
    }

    /// Takes the socket of one worker.
    pub(crate) fn take(&mut self) -> Option<TcpListener> {
        self.sockets.pop()
    }
}

fn socket(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(is_shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if is_shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

/// Returns an address of this machine that others could reach, or loopback. Nothing is sent:
/// connecting a datagram socket only asks for the route.
pub(crate) fn own_address() -> IpAddr {
    let route = || -> io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    route().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use super::BoundListener;

    #[test]
    fn all_workers_share_the_port_that_the_system_chose() {
        let mut bound = BoundListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 2).unwrap();
        assert_ne!(bound.address.port(), 0);
        let (first, second) = (bound.take().unwrap(), bound.take().unwrap());
        assert_eq!(first.local_addr().unwrap(), second.local_addr().unwrap());
        assert!(bound.take().is_none());
    }

    #[test]
    fn a_port_in_use_is_refused() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(BoundListener::bind(other.local_addr().unwrap(), 1).is_err());
    }

    #[test]
    fn a_port_that_another_proxy_shares_among_its_workers_is_refused() {
        let other = BoundListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 2).unwrap();
        assert!(BoundListener::bind(other.address, 2).is_err());
    }
}
