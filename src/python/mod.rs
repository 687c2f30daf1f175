//! The Python face: frozen handles over masters, slaves and clients. The stub `netrender_core/_core.pyi` is its contract.
//!
//! Absences: nothing here, and nothing below, ever calls into Python from a thread of ours.
