//! Events and spans for whichever `tracing` subscriber there is; nothing at all without the feature.

#[cfg(feature = "tracing")]
mod attempts;
#[cfg(feature = "tracing")]
mod events;
#[cfg(feature = "tracing")]
mod names;
#[cfg(not(feature = "tracing"))]
mod nothing;
#[cfg(feature = "tracing")]
mod spans;

#[cfg(feature = "tracing")]
pub(crate) use {
    events::tell,
    spans::{GatheredSpan, SendSpan},
};

#[cfg(not(feature = "tracing"))]
pub(crate) use nothing::{GatheredSpan, SendSpan, tell};
