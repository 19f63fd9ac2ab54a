//! Facade; its front page comes with the adapters.
