//! What lies in the stores of the embedded log and of views, and beside positions.

use bytes::Bytes;
use triggerfish_log::{Limit, Record};
use triggerfish_log_embedded::fuzzing as log;
use triggerfish_runtime::fuzzing as runtime;
use triggerfish_view::fuzzing as view;

/// A batch of records: read in pages it has the same records, and compaction keeps them.
pub(super) fn batch(input: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(input);
    let Ok((records, next)) = log::records(&bytes, 0, None) else {
        return false;
    };
    assert_eq!(next, None, "without a limit a batch is read to its end");
    let payload: usize = records.iter().map(Record::payload_bytes).sum();
    assert!(payload <= bytes.len(), "more came out than was there");
    let compacted = log::compacted(0, &records);
    let (again, _) = log::records(&compacted, 0, None).expect("what was written can be read");
    assert_eq!(again, records);
    let is_in_order = records.is_sorted_by(|one, other| one.offset < other.offset);
    let (mut paged, mut from) = (Vec::new(), Some(0));
    while let Some(offset) = from.filter(|_| is_in_order) {
        let page = log::records(&bytes, offset, Some(Limit::records(2)));
        let (page, next) = page.expect("a batch that can be read can be read from anywhere");
        assert!(next.is_none_or(|next| next > offset), "a page leads back");
        paged.extend(page);
        from = next;
    }
    assert!(!is_in_order || paged == records);
    true
}

/// Keys of the log's store.
pub(super) fn key(input: &[u8]) -> bool {
    let batch = log::batch_key(input);
    let position = log::position_key(input);
    let written = batch.iter().chain(&position);
    written.for_each(|written| assert_eq!(written, input, "a key of two forms"));
    batch.is_some() || position.is_some()
}

/// A journal that is cut after its last whole group has only whole groups.
pub(super) fn journal(input: &[u8]) -> bool {
    let whole = log::whole_groups(input);
    assert!(whole <= input.len());
    assert_eq!(log::whole_groups(&input[..whole]), whole);
    let followed = [&input[..whole], &[0; 40]].concat();
    assert_eq!(log::whole_groups(&followed), whole);
    whole > 0
}

/// Values of a view's store; the first byte says which.
pub(super) fn view(input: &[u8]) -> bool {
    let Some((kind, value)) = input.split_first() else {
        return false;
    };
    let read: fn(&[u8]) -> Option<Vec<u8>> = match kind % 3 {
        0 => |block| view::rows(block).ok(),
        1 => |pack| view::envelopes(pack).ok(),
        _ => view::progress,
    };
    let Some(written) = read(value) else {
        return false;
    };
    assert_eq!(written.len(), value.len());
    assert_eq!(read(&written), Some(written.clone()));
    true
}

/// A block as it lies in a view's store: never larger than what it is read from allows, and the
/// same when it has been written again.
pub(super) fn view_block(input: &[u8]) -> bool {
    let Ok(block) = view::block(input) else {
        return false;
    };
    assert!(
        block.len() <= 255 * input.len(),
        "more came out than LZ4 can hold"
    );
    let again = view::block(&view::stored(&block));
    assert_eq!(again.expect("what was written can be read"), block);
    true
}

/// Where a rebuild begins.
pub(super) fn rebuild_start(input: &[u8]) -> bool {
    let Some(written) = runtime::rebuild_start(input) else {
        return false;
    };
    assert_eq!(runtime::rebuild_start(&written), Some(written));
    true
}
