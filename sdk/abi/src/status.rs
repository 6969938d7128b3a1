//! Status: what a hostcall tells the guest.

use core::fmt;

use crate::numbered::numbered;

numbered! {
    /// The result of a hostcall.
    ///
    /// Envoy never returns [`BadExpression`](Self::BadExpression) or
    /// [`ResultMismatch`](Self::ResultMismatch); [`BrokenConnection`](Self::BrokenConnection)
    /// appears only as the code that `proxy_get_status` reports.
    pub enum Status {
        /// The call did what was asked.
        Ok = 0,
        /// The named thing does not exist.
        NotFound = 1,
        /// An argument is outside what the call accepts, or not acceptable now.
        BadArgument = 2,
        /// A value could not be serialized.
        SerializationFailure = 3,
        /// Serialized data could not be read.
        ParseFailure = 4,
        /// Reserved; never returned.
        BadExpression = 5,
        /// A pointer and size do not lie inside the guest's memory.
        InvalidMemoryAccess = 6,
        /// The queue holds nothing.
        Empty = 7,
        /// The value changed since the compare-and-swap number was read.
        CasMismatch = 8,
        /// Reserved; never returned.
        ResultMismatch = 9,
        /// The host could not do it, for a reason of its own.
        InternalFailure = 10,
        /// The peer reset the callout.
        BrokenConnection = 11,
        /// The host does not implement the call.
        Unimplemented = 12,
    }
}

impl Status {
    /// Returns the name used in the specification's text and in Tollgate's log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "Ok",
            Self::NotFound => "NotFound",
            Self::BadArgument => "BadArgument",
            Self::SerializationFailure => "SerializationFailure",
            Self::ParseFailure => "ParseFailure",
            Self::BadExpression => "BadExpression",
            Self::InvalidMemoryAccess => "InvalidMemoryAccess",
            Self::Empty => "Empty",
            Self::CasMismatch => "CasMismatch",
            Self::ResultMismatch => "ResultMismatch",
            Self::InternalFailure => "InternalFailure",
            Self::BrokenConnection => "BrokenConnection",
            Self::Unimplemented => "Unimplemented",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.to_u32())
    }
}

impl core::error::Error for Status {}
