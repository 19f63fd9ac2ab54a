//! What all errors of this project have in common.
//!
//! * **A text tells what its own error knows; a cause is a `source()`.** No text repeats its source's, so
//!   reporters that walk the chain say everything once. [`WithCauses`] does that in one line.
//! * Where there are several causes (name servers, attempts, topics) the text lists them, since `source()`
//!   can lead to one only. A rule that was broken is no cause: it is part of the sentence.
//! * **`code()` is stable**: it names the case for logs, metrics and alerts, and does not change when a
//!   text does. Codes are added, never renamed.

use std::{error::Error, fmt};

use crate::model::{ConfigError, EnvError, UnknownTemplate};

/// An error and all its causes, in one line: `what: why: why that`.
///
/// ```
/// use rocketmq_producer_core::{codec::CodecError, error::WithCauses, link::{CallError, LinkError}};
///
/// let codec = CodecError::UnknownSerializeType(9);
/// let error = CallError::Lost(LinkError::Protocol(codec));
/// let told = WithCauses(&error).to_string();
/// assert!(told.starts_with("sent, and what became of it is unknown: the peer broke the protocol: "));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WithCauses<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Gives an error type its codes. A case without one does not compile, and each is listed.
macro_rules! codes {
    ($type:ident { $($pattern:pat => $code:literal),+ $(,)? }) => {
        impl $type {
            /// Every [`code`](Self::code) that there is.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// The case's stable name, for logs, metrics and alerts.
            pub const fn code(&self) -> &'static str {
                match self {
                    $($pattern => $code,)+
                }
            }
        }
    };
}
pub(crate) use codes;

impl ConfigError {
    /// Its stable name, for logs, metrics and alerts: the same for every field.
    pub const fn code(&self) -> &'static str {
        "invalid_configuration"
    }
}

impl EnvError {
    /// Its stable name, for logs, metrics and alerts: the same for every variable.
    pub const fn code(&self) -> &'static str {
        "bad_variable"
    }
}

impl UnknownTemplate {
    /// Its stable name, for logs, metrics and alerts.
    pub const fn code(&self) -> &'static str {
        "unknown_template"
    }
}

#[cfg(test)]
mod tests;
