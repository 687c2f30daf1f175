//! The HTTP client that slaves and clients share.
