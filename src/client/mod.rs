//! The client: sends jobs, gathers results.
