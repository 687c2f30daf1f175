//! Finding masters on the local network by their broadcast.
