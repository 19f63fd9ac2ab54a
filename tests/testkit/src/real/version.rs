//! The RocketMQ releases the launcher knows how to run.

use std::fmt;
use std::str::FromStr;

use super::error::UnknownVersion;

/// A RocketMQ release whose servers can be started.
///
/// One of each protocol generation: they differ in what they answer and in what they refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// 5.5.0, the current generation.
    V5_5_0,
    /// 4.9.5, the generation before, still widely run.
    V4_9_5,
}

impl Version {
    /// Every release, newest first.
    pub const ALL: [Version; 2] = [Version::V5_5_0, Version::V4_9_5];

    /// The release number as Maven and RocketMQ write it, for example `5.5.0`.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V5_5_0 => "5.5.0",
            Version::V4_9_5 => "4.9.5",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Version, UnknownVersion> {
        Version::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_reads_back_from_its_own_text() {
        for version in Version::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
        }
    }

    #[test]
    fn an_unknown_version_names_the_known_ones() {
        let error = "5.3.2".parse::<Version>().expect_err("5.3.2 has no name server artifact");
        assert_eq!(error.to_string(), "no RocketMQ 5.3.2 here, only 5.5.0, 4.9.5");
    }
}
