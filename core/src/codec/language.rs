//! The sender's programming language, as every header names it.

/// `LanguageCode` of Apache RocketMQ: an ordinal in binary headers, a name in JSON ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Language(pub u8);

const NAMES: [&str; 14] = [
    "JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP",
    "OMS", "RUST", "NODE_JS",
];

impl Language {
    /// The Java client and servers.
    pub const JAVA: Self = Self(0);
    /// Anything without an ordinal of its own.
    pub const OTHER: Self = Self(7);
    /// This client.
    pub const RUST: Self = Self(12);

    /// The name in JSON headers; `None` for an ordinal that has no name.
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(usize::from(self.0)).copied()
    }

    /// The language of that name; an unknown name is [`Language::OTHER`], as Java tolerates it.
    pub(super) fn from_name(name: &str) -> Self {
        NAMES
            .iter()
            .position(|known| *known == name)
            .and_then(|index| u8::try_from(index).ok())
            .map_or(Self::OTHER, Self)
    }
}
