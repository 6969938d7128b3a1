//! Clients: one that says what it is told over HTTP/1.1 or HTTP/2, and those that send bytes.

mod connection;
mod raw;
mod request;
mod response;
mod tcp;

pub use connection::Connection;
pub use raw::{RawAnswer, break_off, exchange, exchange_parts, tunnel};
pub use request::{Body, Gate, Request, Version};
pub use response::{Open, Pending, Response};
pub use tcp::{TcpClient, TcpEnd};
