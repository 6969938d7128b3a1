//! One way to give an enumeration its ABI numbers, and the error for a number outside it.

use core::fmt;

/// A number that names no member of the enumeration it was read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownNumber(pub u32);

impl fmt::Display for UnknownNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown number {}", self.0)
    }
}

impl core::error::Error for UnknownNumber {}

/// Declares an enumeration whose members have fixed ABI numbers, with conversions both ways.
macro_rules! numbered {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$doc:meta])* $variant:ident = $number:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum $name { $( $(#[$doc])* $variant = $number, )+ }

        impl $name {
            /// Every member, in the order of its number.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// Returns the number that crosses the wasm boundary.
            #[must_use]
            pub const fn to_u32(self) -> u32 {
                match self { $( Self::$variant => $number, )+ }
            }
        }

        impl TryFrom<u32> for $name {
            type Error = $crate::UnknownNumber;

            fn try_from(number: u32) -> Result<Self, $crate::UnknownNumber> {
                match number {
                    $( $number => Ok(Self::$variant), )+
                    other => Err($crate::UnknownNumber(other)),
                }
            }
        }
    };
}

pub(crate) use numbered;
