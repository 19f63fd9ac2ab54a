//! What the fuzz targets run: plain functions over arbitrary bytes that panic when a promise is
//! broken. Tests call them too, with every file of the committed corpora.

mod frame;
mod header;
mod link;
mod route;

pub use frame::frame;
pub use header::header;
pub use link::link;
pub use route::route;
