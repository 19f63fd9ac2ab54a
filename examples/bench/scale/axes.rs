//! What there can be more of.

/// One way to go from the usual point.
pub(super) struct Axis {
    pub(super) name: &'static str,
    pub(super) points: &'static [u64],
    pub(super) point: fn(u64) -> Point,
    is_bytes: bool,
}

impl Axis {
    /// How a value on it is written.
    pub(super) fn label(&self, at: u64) -> String {
        const KIB: u64 = 1024;
        const MIB: u64 = KIB * KIB;
        match at {
            _ if !self.is_bytes => at.to_string(),
            MIB.. => format!("{} MiB", at / MIB),
            KIB..MIB => format!("{} KiB", at / KIB),
            _ => format!("{at} B"),
        }
    }
}

/// Options of a run.
#[derive(Clone, Copy)]
pub(super) struct Point {
    size: u64,
    window: u64,
    brokers: u64,
    topics: u64,
}

const USUAL: Point = Point { size: 1024, window: 256, brokers: 1, topics: 1 };

/// A run sends at most so many messages,
const COUNT_MAX: u64 = 400_000;
/// so many bytes,
const BYTES_MAX: u64 = 4 << 30;
/// and so many times as many messages as are in flight, if there are few; rather ten windows than
/// fewer.
const WINDOWS_MAX: u64 = 20_000;
const WINDOWS_MIN: u64 = 10;

impl Point {
    pub(super) fn options(&self) -> [(&'static str, u64); 6] {
        let count = COUNT_MAX.min(BYTES_MAX / self.size).min(self.window * WINDOWS_MAX);
        let count = count.max(self.window * WINDOWS_MIN);
        // Every topic's route is there, and the window has been full.
        let warmup = (count / 10).max(self.window * 2).max(self.topics * 2);
        [
            ("--size", self.size),
            ("--window", self.window),
            ("--brokers", self.brokers),
            ("--topics", self.topics),
            ("--count", count),
            ("--warmup", warmup),
        ]
    }
}

pub(super) const AXES: &[Axis] = &[
    Axis {
        name: "in flight",
        points: &[1, 8, 64, 256, 1_000, 10_000, 50_000],
        point: |window| Point { window, ..USUAL },
        is_bytes: false,
    },
    Axis {
        name: "brokers",
        points: &[1, 8, 64],
        point: |brokers| Point { brokers, ..USUAL },
        is_bytes: false,
    },
    Axis {
        name: "topics",
        points: &[1, 100, 10_000],
        point: |topics| Point { topics, ..USUAL },
        is_bytes: false,
    },
    Axis {
        name: "body",
        points: &[1, 128, 1 << 10, 16 << 10, 256 << 10, 4 << 20],
        point: |size| Point { size, ..USUAL },
        is_bytes: true,
    },
];
