//! Header changes that routes ask for.
