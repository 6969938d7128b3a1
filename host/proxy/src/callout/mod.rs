//! Requests that plugins send on their own account.
