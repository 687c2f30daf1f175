//! Multilayer EXR in Rust: what is in a file, whether it is whole, whether two are equal.
