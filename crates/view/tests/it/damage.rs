//! Views that can't be used are thrown away; those of others are left alone.

use std::{path::Path, time::Duration};

use triggerfish_view::{Error, LogIdentity, Opened, Settings, View, WipeReason};

use crate::world::{
    Asked, Record, SETTINGS, at, catch_up, completed, fold, id, identity, mixed, raw, requested,
};

fn log(records: u64) -> Vec<Record> {
    let record = |n: u64| {
        let asked = Asked {
            subscription: n % 3,
            ordering_key: None,
            created: at(n),
            allowed: Duration::from_mins(1),
            payload: 300,
        };
        let observation = match n % 2 {
            0 => requested(&asked),
            _ => completed(usize::try_from(n % 700).unwrap()),
        };
        Record::new(n, n / 2, at(n), &observation)
    };
    (0..records).map(record).collect()
}

fn filled(folder: &Path, records: u64) -> View {
    let (mut view, _) = View::open(folder, &identity(), SETTINGS).unwrap();
    for record in log(records) {
        fold(&mut view, &record).unwrap();
        if record.offset % 50 == 0 {
            view.save().unwrap();
        }
    }
    view.save().unwrap();
    view
}

fn open(folder: &Path, identity: &LogIdentity, settings: Settings) -> Opened {
    View::open(folder, identity, settings).unwrap().1
}

const fn wiped(reason: WipeReason) -> Opened {
    Opened {
        position: 0,
        wiped: Some(reason),
    }
}

#[test]
fn a_view_of_another_log_or_another_fold_is_wiped() {
    let others: [(LogIdentity, Settings, WipeReason); 6] = [
        (
            LogIdentity {
                cluster: "other".into(),
                ..identity()
            },
            SETTINGS,
            WipeReason::OtherLog,
        ),
        (
            LogIdentity {
                topic: "other".into(),
                ..identity()
            },
            SETTINGS,
            WipeReason::OtherLog,
        ),
        (
            LogIdentity {
                partition: 4,
                ..identity()
            },
            SETTINGS,
            WipeReason::OtherLog,
        ),
        (
            identity(),
            Settings {
                keep_completed: Duration::from_secs(9),
                ..SETTINGS
            },
            WipeReason::KeepWindows,
        ),
        (
            identity(),
            Settings {
                keep_failed: Duration::from_secs(9),
                ..SETTINGS
            },
            WipeReason::KeepWindows,
        ),
        (
            identity(),
            Settings {
                keep_callbacks: Duration::from_secs(9),
                ..SETTINGS
            },
            WipeReason::KeepWindows,
        ),
    ];
    for (identity, settings, reason) in others {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path(), 60));
        assert_eq!(open(folder.path(), &identity, settings), wiped(reason));
        let again = open(folder.path(), &identity, settings);
        assert_eq!((again.position, again.wiped), (0, None));
    }
}

#[test]
fn a_store_without_its_first_record_is_unborn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view-0");
    let empty = sled::Config::new().path(path).segment_size(1 << 20);
    drop(empty.open().unwrap());
    let opened = open(folder.path(), &identity(), SETTINGS);
    assert_eq!(opened, wiped(WipeReason::Unborn));
}

#[test]
fn a_view_that_was_saved_in_part_is_wiped() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 60));
    let db = raw(folder.path());
    db.insert(b"u", b"").unwrap();
    drop(db);
    let opened = open(folder.path(), &identity(), SETTINGS);
    assert_eq!(opened, wiped(WipeReason::Unfinished));
}

#[test]
fn a_view_that_was_saved_piece_by_piece_is_the_same() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let view = filled(folder.path(), 600);
    let (mut pieces, _) = View::open(other.path(), &identity(), SETTINGS).unwrap();
    for record in log(600) {
        fold(&mut pieces, &record).unwrap();
        if record.offset % 70 == 0 {
            pieces.save_piecemeal().unwrap();
        }
    }
    pieces.save_piecemeal().unwrap();
    let digest = view.digest().unwrap();
    assert_eq!(pieces.digest().unwrap(), digest);
    drop(pieces);
    let (anew, opened) = View::open(other.path(), &identity(), SETTINGS).unwrap();
    assert_eq!((opened.position, opened.wiped), (600, None));
    assert_eq!(anew.digest().unwrap(), digest);
}

#[test]
fn another_cache_size_is_no_reason_to_wipe() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 60));
    let settings = Settings {
        cache_bytes: 4 << 20,
        ..SETTINGS
    };
    let opened = open(folder.path(), &identity(), settings);
    assert_eq!((opened.position, opened.wiped), (60, None));
}

#[test]
fn another_format_is_wiped() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 60));
    let db = raw(folder.path());
    let mut record = db.get(b"m").unwrap().unwrap().to_vec();
    record[0] += 1;
    db.insert(b"m", record).unwrap();
    drop(db);
    assert_eq!(
        open(folder.path(), &identity(), SETTINGS),
        wiped(WipeReason::Format)
    );
}

#[test]
fn files_full_of_rubbish_are_wiped_and_never_a_panic() {
    for seed in 0..12_u64 {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path(), 2000));
        for entry in std::fs::read_dir(folder.path().join("view-0")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && (seed % 3 != 0 || path.ends_with("db")) {
                let mut bytes = std::fs::read(&path).unwrap();
                let step = usize::try_from(1 + mixed(seed) % 4000).unwrap();
                for place in (usize::try_from(seed).unwrap()..bytes.len()).step_by(step) {
                    bytes[place] ^= 0x5A;
                }
                bytes.truncate(bytes.len() - bytes.len() / 3 * usize::from(seed % 2 == 0));
                std::fs::write(&path, bytes).unwrap();
            }
        }
        let (mut view, opened) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
        if opened.wiped.is_none() {
            // What survives may be older; it must be whole or say that it is not.
            assert!(opened.position <= 2000);
            if view.digest().is_err() {
                drop(view);
                (view, _) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
                assert_eq!(view.position(), 0);
            }
        }
        catch_up(&mut view, &log(2000)).unwrap();
        let fresh = tempfile::tempdir().unwrap();
        let fresh = filled(fresh.path(), 2000);
        assert_eq!(
            view.digest().unwrap(),
            fresh.digest().unwrap(),
            "seed {seed}"
        );
    }
}

#[test]
fn damage_found_while_reading_wipes_the_view_when_it_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 60));
    let db = raw(folder.path());
    let (key, block) = db.scan_prefix(b"e").next().unwrap().unwrap();
    db.insert(key, &block[..block.len() / 2]).unwrap();
    drop(db);
    let (view, opened) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
    assert_eq!((opened.position, opened.wiped), (60, None));
    assert!(matches!(view.digest(), Err(Error::Damaged(_))));
    drop(view);
    assert_eq!(
        open(folder.path(), &identity(), SETTINGS),
        wiped(WipeReason::Damaged)
    );
    assert_eq!(open(folder.path(), &identity(), SETTINGS).wiped, None);
}

#[test]
fn a_view_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let view = filled(folder.path(), 60);
    let second = View::open(folder.path(), &identity(), SETTINGS);
    assert!(matches!(second, Err(Error::InUse { .. })), "{second:?}");
    drop(view);
    assert_eq!(open(folder.path(), &identity(), SETTINGS).position, 60);
}

#[test]
fn a_wiped_view_is_empty_while_old_snapshots_and_saves_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut view = filled(folder.path(), 60);
    let more = log(80);
    catch_up(&mut view, &more).unwrap();
    let save = view.begin_save().unwrap();
    let old = view.snapshot();
    view.wipe(WipeReason::AheadOfLog).unwrap();
    view.finish_save(save.run().unwrap());
    assert_eq!((view.position(), view.saved_position()), (0, 0));
    assert_eq!(view.get(id(0).key()).unwrap(), None);
    assert!(old.get(id(0).key()).unwrap().is_some());
    drop(old);
    catch_up(&mut view, &more).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    assert_eq!(
        view.digest().unwrap(),
        filled(fresh.path(), 80).digest().unwrap()
    );
    view.save().unwrap();
    drop(view);
    assert_eq!(open(folder.path(), &identity(), SETTINGS).position, 80);
}

#[test]
fn a_first_put_without_its_envelope_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut view = filled(folder.path(), 10);
    let mut unknown = view.get(id(0).key()).unwrap().unwrap();
    unknown.offset = 99;
    assert!(matches!(view.put(unknown, None), Err(Error::NoEnvelope(_))));
}
