//! The hash that Java producers choose queues by.

/// Java's `String.hashCode`: over UTF-16 units, wrapping. The same in every process and on every
/// platform, so that one key reaches one queue from producers of both languages.
pub fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}
