//! testkit

pub mod real;
