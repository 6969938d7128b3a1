//! The Proxy-Wasm contract as data: enumerations, statuses, the map codec and property paths.
//!
//! Guest and host share this crate, so a number is written down once. It does nothing: no
//! allocation beyond what a decoder returns, no I/O, no `unsafe`. The numbers are those of ABI
//! 0.2.1 as Envoy implements it, which is a superset of 0.1.0 and 0.2.0.
//!
//! ```
//! use tollgate_abi::{MapType, Status, pairs};
//!
//! let encoded = pairs::encode([(":status", "200")]);
//! assert_eq!(encoded.len(), 24);
//! assert_eq!(MapType::try_from(2), Ok(MapType::HttpResponseHeaders));
//! assert_eq!(Status::NotFound.to_u32(), 1);
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::wildcard_enum_match_arm)]

extern crate alloc;

mod buffer_type;
mod grpc_status;
mod log_level;
mod map_type;
mod metric_type;
mod numbered;
mod status;
mod stream;
mod version;

pub mod action;
pub mod limits;
pub mod pairs;
pub mod property;
pub mod wasi;

pub use action::{Action, DataAction, HeadersAction, NetworkAction, TrailersAction};
pub use buffer_type::BufferType;
pub use grpc_status::GrpcStatus;
pub use log_level::LogLevel;
pub use map_type::MapType;
pub use metric_type::MetricType;
pub use numbered::UnknownNumber;
pub use status::Status;
pub use stream::{PeerType, StreamType};
pub use version::AbiVersion;
