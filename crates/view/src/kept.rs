//! Reading what is on disk: rows and whole invocations.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::Mutex;
use triggerfish_wire::{action, state};

use crate::{
    blocks::{self, Piece},
    error::Error,
    layout::{ENVELOPES, LARGE_ENVELOPE, LARGE_STATE, ROWS, after, block_of, number, one, pack_of},
    row::Row,
    staged::{Body, Entry},
    store::{Order, Store},
};

/// Blocks and packs that were read last, for what is asked for next mostly lies beside. Only
/// for whoever looks into the buffers first, and forgets them when a save has ended: what is in
/// neither buffer has not changed since.
#[derive(Debug, Default)]
pub(crate) struct Nearby(Mutex<VecDeque<(Vec<u8>, Bytes)>>);

/// So many are enough for calls that end in about the order in which they began.
const NEARBY: usize = 8;

impl Nearby {
    fn block(&self, store: &Store, key: Vec<u8>) -> Result<Bytes, Error> {
        let mut blocks = self.0.lock();
        if let Some((_, block)) = blocks.iter().find(|(known, _)| *known == key) {
            return Ok(block.clone());
        }
        let block = Bytes::from(store.block(&key)?);
        blocks.truncate(NEARBY - 1);
        blocks.push_front((key, block.clone()));
        Ok(block)
    }

    pub(crate) fn forget(&self) {
        self.0.lock().clear();
    }
}

impl Store {
    /// The rows of the block of `place`.
    pub(crate) fn rows_near(&self, place: u64) -> Result<Vec<Row>, Error> {
        self.guarded(|| {
            let block = self.block(&one(ROWS, block_of(place)))?;
            blocks::rows(&block).map(|row| Ok(row?.0)).collect()
        })
    }

    /// The invocation at `place`. `None` also when it was removed while being read.
    pub(crate) fn entry(&self, place: u64) -> Result<Option<Arc<Entry>>, Error> {
        self.entry_by(&Nearby::default(), place)
    }

    /// As [`Self::entry`], where `nearby` may have its block and its pack.
    pub(crate) fn entry_by(
        &self,
        nearby: &Nearby,
        place: u64,
    ) -> Result<Option<Arc<Entry>>, Error> {
        self.guarded(|| {
            let block = block_of(place);
            let rows = nearby.block(self, one(ROWS, block))?;
            for row in blocks::rows(&rows) {
                let (row, piece) = row?;
                if row.place != place {
                    continue;
                }
                let state = self.piece(LARGE_STATE, place, piece)?;
                let envelopes = nearby.block(self, one(ENVELOPES, pack_of(place)))?;
                let envelope = self.envelope(&envelopes, place)?;
                return match (state, envelope) {
                    (Some(state), Some(envelope)) => decode(row, &envelope, &state).map(Some),
                    // Removal takes them away together, between two reads at worst.
                    _ if self.get(&one(ROWS, block))?.is_none() => Ok(None),
                    _ => Err(Error::Damaged("a row lacks its state or envelope")),
                };
            }
            Ok(None)
        })
    }

    fn envelope(&self, block: &[u8], place: u64) -> Result<Option<Bytes>, Error> {
        for envelope in blocks::envelopes(block) {
            let (found, piece) = envelope?;
            if found == place {
                let bytes = self.piece(LARGE_ENVELOPE, place, piece)?;
                return Ok(bytes.map(|bytes| Bytes::copy_from_slice(&bytes)));
            }
        }
        Ok(None)
    }

    /// The bytes of a piece, wherever they lie.
    pub(crate) fn piece<'a>(
        &self,
        prefix: u8,
        place: u64,
        piece: Piece<'a>,
    ) -> Result<Option<Cow<'a, [u8]>>, Error> {
        match piece {
            Piece::Here(bytes) => Ok(Some(bytes)),
            Piece::Apart => {
                let bytes = self.get(&one(prefix, place))?;
                Ok(bytes.map(|bytes| Cow::Owned(bytes.to_vec())))
            }
        }
    }

    /// The envelopes of a pack, by place.
    pub(crate) fn envelopes_of(&self, pack: u64) -> Result<BTreeMap<u64, Vec<u8>>, Error> {
        let envelopes = self.block(&one(ENVELOPES, pack))?;
        let mut found = BTreeMap::new();
        for envelope in blocks::envelopes(&envelopes) {
            let (place, piece) = envelope?;
            if let Some(bytes) = self.piece(LARGE_ENVELOPE, place, piece)? {
                found.insert(place, bytes.into_owned());
            }
        }
        Ok(found)
    }

    /// Goes through the rows from the block of `from` on, in log order.
    pub(crate) fn rows_from(
        &self,
        from: u64,
        mut visit: impl FnMut(&Row, Piece<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let (from, to) = (one(ROWS, block_of(from)), after(&[ROWS]));
        self.scan(&from, &to, Order::Ascending, |_, block| {
            for row in blocks::rows(&blocks::decompress(block)?) {
                let (row, piece) = row?;
                if visit(&row, piece)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}

fn decode(row: Row, envelope: &Bytes, state: &[u8]) -> Result<Arc<Entry>, Error> {
    let body = if row.is_action() {
        let action = action::decode(envelope, state);
        Body::Action(Arc::new(action.map_err(Error::Decode)?))
    } else {
        Body::Invocation(state::decode(envelope, state).map_err(Error::Decode)?)
    };
    Ok(Arc::new(Entry {
        row,
        body,
        envelope: envelope.clone(),
        fresh: false,
    }))
}

/// The block in an index key of time and block.
pub(crate) fn block_in(key: &[u8]) -> Result<u64, Error> {
    number(key, 9).ok_or(Error::Damaged("an index key is too short"))
}
