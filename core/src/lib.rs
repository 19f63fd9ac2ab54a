//! core

pub mod codec;
pub mod command;
pub mod ids;
pub mod model;
pub mod time;
