//! The house is as `src/lib.rs` and ARCHITECTURE.md say.
