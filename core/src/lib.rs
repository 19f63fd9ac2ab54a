//! core

pub mod codec;
pub mod ids;
pub mod time;
