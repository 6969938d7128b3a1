//! Response flags: why a response is not the upstream's.
