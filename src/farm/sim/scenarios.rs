//! Days with a name.
