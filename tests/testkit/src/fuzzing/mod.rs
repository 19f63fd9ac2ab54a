//! What the fuzz targets run: plain functions over arbitrary bytes that panic when a promise is
//! broken. Tests call them too, with every file of the committed corpora.

mod client;
mod frame;
mod header;
mod link;
mod route;
mod world;

pub use client::client;
pub use frame::frame;
pub use header::header;
pub use link::link;
pub use route::route;
pub use world::world;
