//! The hash that Java producers choose queues by, and one for tables.

/// Java's `String.hashCode`: over UTF-16 units, wrapping. The same in every process and on every
/// platform, so that one key reaches one queue from producers of both languages.
pub fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// Spreads names over tables: eight bytes at a time, since every send looks for its topic and its
/// broker. The upper bits are the good ones. Of this process alone, and no defence against names that
/// are made to collide.
pub fn name_hash(name: &str) -> u64 {
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let rest = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = words.iter().fold(name.len() as u64, |hash, word| {
        let hash = mix(hash, u64::from_le_bytes(*word));
        hash ^ hash >> 32
    });
    mix(hash, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_anywhere_are_spread_evenly() {
        const LISTS: usize = 64;
        let names: [fn(usize) -> String; 6] = [
            |number| format!("{number}"),
            |number| format!("topic-{number}"),
            |number| format!("broker-{number}.rocketmq.svc"),
            |number| format!("tenant{number:04}_order_events"),
            |number| format!("{number:08}{number:08}"),
            |number| "n".repeat(number),
        ];
        for name in names {
            let mut lists = [0; LISTS];
            for number in 0..1_000 {
                lists[(name_hash(&name(number)) >> 58) as usize] += 1;
            }
            let longest = lists.into_iter().max().unwrap_or_default();
            assert!(longest < 3 * 1_000 / LISTS, "{longest} as {}", name(7));
        }
    }
}
