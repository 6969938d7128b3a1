//! The only mapping from an error or a plugin's answer to a response.
