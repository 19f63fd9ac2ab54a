//! How much is read at once.

/// Most connections are idle most of the time.
const MIN: usize = 4 * 1024;
const MAX: usize = 64 * 1024;

/// Doubles when a read has filled it, and halves when two in a row have left most of it empty: idle
/// connections keep little memory, and busy ones read a lot at once.
#[derive(Debug)]
pub struct ReadSize {
    bytes: usize,
    /// The last read has left most of it empty.
    was_roomy: bool,
}

impl Default for ReadSize {
    fn default() -> Self {
        Self { bytes: MIN, was_roomy: false }
    }
}

impl ReadSize {
    /// What the next read should have room for, bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A read has brought so many.
    pub fn took(&mut self, count: usize) {
        let is_roomy = count < self.bytes / 4;
        if count >= self.bytes {
            self.bytes = (self.bytes * 2).min(MAX);
        } else if is_roomy && self.was_roomy {
            self.bytes = (self.bytes / 2).max(MIN);
        }
        self.was_roomy = is_roomy;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(reads: &[usize]) -> usize {
        let mut size = ReadSize::default();
        reads.iter().for_each(|count| size.took(*count));
        size.bytes()
    }

    #[test]
    fn reads_grow_while_they_are_full_and_shrink_while_they_are_not() {
        assert_eq!(after(&[]), MIN);
        assert_eq!(after(&[300; 1_000]), MIN);
        assert_eq!(after(&[MIN]), 2 * MIN);
        assert_eq!(after(&[MAX; 20]), MAX);
        assert_eq!(after(&[MIN, 2 * MIN, 100, 3 * MIN]), 4 * MIN, "one small read says nothing");
        assert_eq!(after(&[MIN, 2 * MIN, 100, 100]), 2 * MIN);
    }
}
