//! How far a view has come: the one record that changes with every save.

use triggerfish_core::Timestamp;

use crate::{
    layout::{micros, number, time},
    repeats::Repeats,
};

/// How many invocations there are, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those without an outcome.
    pub open: u64,
    /// Those of them that owe a call, now or later.
    pub queued: u64,
}

/// What a save ends with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The offset to read next.
    pub(crate) position: u64,
    pub(crate) log_time: Timestamp,
    pub(crate) counts: Counts,
    /// Rows on disk.
    pub(crate) rows: u64,
    pub(crate) repeats: Repeats,
}

impl Progress {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let numbers = [
            self.position,
            micros(self.log_time),
            self.counts.open,
            self.counts.queued,
            self.rows,
        ];
        for number in numbers {
            out.extend_from_slice(&number.to_be_bytes());
        }
        self.repeats.write(&mut out);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            position: number(bytes, 0)?,
            log_time: time(number(bytes, 8)?),
            counts: Counts {
                open: number(bytes, 16)?,
                queued: number(bytes, 24)?,
            },
            rows: number(bytes, 32)?,
            repeats: Repeats::read(bytes.get(40..)?)?,
        })
    }
}
