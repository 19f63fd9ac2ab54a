//! Which kinds of trouble have met producers in which states.

use std::{collections::BTreeMap, fmt};

use super::{kind::Kind, producer::Doing};

/// Counts, by kind of trouble and by what producers were doing when it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<(Kind, Doing), u64>);

impl Coverage {
    pub(super) fn met(&mut self, kind: Kind, doing: &[Doing]) {
        for doing in doing {
            *self.0.entry((kind, *doing)).or_default() += 1;
        }
    }

    /// Adds what another run has met.
    pub fn add(&mut self, other: &Self) {
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    /// How often this has happened.
    #[must_use]
    pub fn count(&self, kind: Kind, doing: Doing) -> u64 {
        self.0.get(&(kind, doing)).copied().unwrap_or(0)
    }

    /// What has never happened.
    #[must_use]
    pub fn empty(&self) -> Vec<(Kind, Doing)> {
        let cells = Kind::WEIGHTS.into_iter().flat_map(|(kind, _)| Doing::ALL.map(|d| (kind, d)));
        cells.filter(|(kind, doing)| self.count(*kind, *doing) == 0).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<15}", "")?;
        for doing in Doing::ALL {
            write!(f, "{doing:>11}")?;
        }
        writeln!(f)?;
        for (kind, _) in Kind::WEIGHTS {
            write!(f, "{kind:<15}")?;
            for doing in Doing::ALL {
                write!(f, "{:>11}", self.count(kind, doing))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
