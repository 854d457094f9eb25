//! Folding, answering, dead letters.

use std::time::Duration;

use bytes::Bytes;
use triggerfish_core::InvocationKey;
use triggerfish_log::{NewRecord, Offset, Partition};

use crate::seams::Fate;
use crate::world::{Note, World, eventually};

#[tokio::test]
async fn what_is_completed_is_emitted_once_and_answered() {
    let world = World::new(2).await;
    let worker = world.worker("a").await;
    let open = world.request(0, 1).await;
    world.complete_some(0, 10..13).await;
    world.complete_some(1, 20..22).await;
    world.wait_for_completions(5).await;
    let found = worker.handle.get(Partition(0), open.key()).await.unwrap();
    assert!(found.unwrap().is_open());
    let none = worker.handle.get(Partition(0), InvocationKey(77)).await;
    assert_eq!(none, Ok(None));
    let offset = world.complete(open).await;
    let found = worker
        .handle
        .get_after(Partition(0), offset, open.key())
        .await;
    assert_eq!(found.unwrap().unwrap().closing().unwrap().offset, offset.0);
    world.wait_for_completions(6).await;
    assert_eq!(worker.handle.snapshots().await.len(), 2);
    worker.stop().await;
    assert_eq!(world.digests("a").await.len(), 2);
    let released = |(_, note): &(&str, Note)| matches!(note, Note::Released(_));
    assert!(world.notes.has(released), "a drain releases what it owns");
}

#[tokio::test]
async fn an_answer_waits_for_the_record_it_was_asked_to_see() {
    let world = World::new(1).await;
    let worker = world.worker("a").await;
    let id = world.request(0, 1).await;
    let after = Offset(1);
    eventually("the request is folded", async || {
        let found = worker.handle.get(Partition(0), id.key()).await;
        found.is_ok_and(|found| found.is_some())
    })
    .await;
    let mut asked = Box::pin(worker.handle.get_after(Partition(0), after, id.key()));
    let early = tokio::time::timeout(Duration::from_millis(50), &mut asked).await;
    assert!(early.is_err(), "nothing is at that place yet");
    assert_eq!(world.complete(id).await, after);
    assert!(!asked.await.unwrap().unwrap().is_open());
    worker.stop().await;
}

fn garbage(world: &World, value: Option<Bytes>) -> NewRecord {
    NewRecord {
        topic: world.topics.invocation_log.clone(),
        partition: Partition(0),
        key: Some(Bytes::from_static(b"key")),
        value,
        headers: vec![("theirs".to_owned(), Bytes::from_static(b"1"))],
    }
}

#[tokio::test]
async fn what_does_not_decode_goes_to_dead_letters_and_the_partition_moves_on() {
    const LARGEST: usize = 4_096;
    let world = World::with_records_of(2, LARGEST).await;
    let worker = world.worker("a").await;
    let text = Bytes::from_static(b"\xff\xff no envelope");
    world.append(garbage(&world, Some(text.clone()))).await;
    world.append(garbage(&world, None)).await;
    let headers_and_key = garbage(&world, None).payload_bytes();
    let largest = Bytes::from(vec![0xff; LARGEST - headers_and_key]);
    world.append(garbage(&world, Some(largest))).await;
    let elsewhere = world.request(1, 5).await;
    let stray = world.read_all(&world.topics.invocation_log, 1).await;
    world.append(garbage(&world, stray[0].value.clone())).await;
    world.complete(elsewhere).await;
    world.complete_some(0, 10..11).await;
    world.wait_for_completions(2).await;
    let letters = world.read_all(&world.topics.dead_letters, 0).await;
    assert_eq!(letters.len(), 4);
    assert_eq!(letters[0].value, Some(text));
    assert_eq!(letters[0].key.as_deref(), Some(&b"key"[..]));
    assert_eq!(letters[1].value, None);
    for (offset, letter) in letters.iter().enumerate() {
        let has = |name: &str, is: Option<String>| {
            let mut headers = letter.headers.iter();
            headers.any(|(n, v)| n == name && is.as_ref().is_none_or(|is| v == is.as_bytes()))
        };
        assert!(has("triggerfish-reason", None));
        assert!(has("triggerfish-offset", Some(offset.to_string())));
        assert!(has("triggerfish-topic", Some("invocation-log".to_owned())));
    }
    let sizes: Vec<_> = letters[2].value.iter().map(Bytes::len).collect();
    assert!(
        sizes[0] < LARGEST,
        "cut, for it would be too large: {sizes:?}"
    );
    worker.stop().await;
    world.digests("a").await;
}

#[tokio::test]
async fn an_aborted_commit_is_made_again() {
    let world = World::new(1).await;
    let fates = [Fate::Aborted, Fate::Aborted, Fate::Passes, Fate::Aborted];
    world.log.fates.lock().unwrap().extend(fates);
    let worker = world.worker("a").await;
    world.complete_some(0, 0..1).await;
    world.wait_for_completions(1).await;
    world.complete_some(0, 1..3).await;
    world.wait_for_completions(3).await;
    assert!(world.log.fates.lock().unwrap().is_empty());
    worker.stop().await;
    world.digests("a").await;
}
