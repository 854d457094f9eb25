//! A process that is killed while it writes leaves a view that is consistent.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use triggerfish_core::Reply;
use triggerfish_view::{View, WipeReason};

use crate::world::{
    Asked, Record, SETTINGS, at, attempted, completed, fold, identity, mixed, requested,
};

const FOLDER: &str = "TRIGGERFISH_VIEW_TEST_FOLDER";
/// Set where the writer is to save piece by piece.
const PIECEMEAL: &str = "TRIGGERFISH_VIEW_TEST_PIECEMEAL";
const KILLS: u64 = 20;

/// The log that both processes know: records of invocations in all stages.
fn record(n: u64) -> Record {
    let random = mixed(n);
    let now = at(n);
    let key = n - n % 3;
    let (key, observation) = match n % 3 {
        0 => (
            key,
            requested(&Asked {
                subscription: random % 5,
                ordering_key: random.is_multiple_of(7).then_some(random % 11),
                created: now,
                allowed: Duration::from_secs(2),
                payload: 600,
            }),
        ),
        1 => (key, attempted(1, Reply::Acknowledged)),
        _ => (key.saturating_sub(random % 900 / 3 * 3), completed(20)),
    };
    Record::new(n, key, now, &observation)
}

/// Not a test of its own: the process that is killed.
#[test]
fn writer() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let (mut view, _) = View::open(Path::new(&folder), &identity(), SETTINGS).unwrap();
    let mut saving: Option<std::thread::JoinHandle<_>> = None;
    for n in view.position().. {
        fold(&mut view, &record(n)).unwrap();
        if !mixed(n ^ 0xABCD).is_multiple_of(60) {
            continue;
        }
        if std::env::var(PIECEMEAL).is_ok() {
            view.save_piecemeal().unwrap();
            let _ = writeln!(std::io::stdout(), "\nsaved {}", view.saved_position());
            continue;
        }
        if let Some(thread) = saving.take() {
            let saved: Result<_, triggerfish_view::Error> = thread.join().unwrap();
            view.finish_save(saved.unwrap());
            let _ = writeln!(std::io::stdout(), "\nsaved {}", view.saved_position());
        }
        saving = view
            .begin_save()
            .map(|save| std::thread::spawn(move || save.run()));
    }
}

/// Lets a writer make some saves, then kills it. Returns the last position it said
/// was saved.
fn run_and_kill(folder: &Path, saves: u64, piecemeal: bool) -> u64 {
    let mut writer = Command::new(std::env::current_exe().unwrap());
    writer
        .args(["kill::writer", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped());
    if piecemeal {
        writer.env(PIECEMEAL, "");
    }
    let mut child = writer.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let positions = lines.filter_map(|line| {
        let line = line.unwrap();
        Some(line.strip_prefix("saved ")?.parse::<u64>().unwrap())
    });
    let last = positions.take(usize::try_from(saves).unwrap()).last();
    child.kill().unwrap();
    child.wait().unwrap();
    last.expect("the writer saves")
}

/// Folds on in `fresh` to where `view` is, and compares them.
fn is_a_fold_of_the_log(view: &View, fresh: &mut View) {
    for n in fresh.position()..view.position() {
        fold(fresh, &record(n)).unwrap();
        if n % 500 == 0 {
            fresh.save().unwrap();
        }
    }
    assert_eq!(view.position(), fresh.position());
    assert_eq!(view.counts(), fresh.counts());
    assert_eq!(view.digest().unwrap(), fresh.digest().unwrap());
}

#[test]
fn killed_writers_leave_a_view_that_equals_a_fresh_fold() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let (mut fresh, _) = View::open(fresh.path(), &identity(), SETTINGS).unwrap();
    let mut before = 0;
    for kill in 0..KILLS {
        let said = run_and_kill(folder.path(), 10 + mixed(kill) % 40, false);
        let (view, opened) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
        assert_eq!(opened.wiped, None);
        assert!(
            opened.position >= before,
            "went back behind an earlier start"
        );
        // Saves the writer had no time to speak of may be there, too.
        assert!(said >= before);
        is_a_fold_of_the_log(&view, &mut fresh);
        before = opened.position;
    }
    assert!(before > 0, "nothing ever reached the disk");
}

#[test]
fn writers_killed_while_they_build_a_view_leave_it_whole_or_say_that_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = 0;
    for kill in 0..KILLS {
        run_and_kill(folder.path(), 30 + mixed(kill) % 60, true);
        let (view, opened) = View::open(folder.path(), &identity(), SETTINGS).unwrap();
        if let Some(reason) = opened.wiped {
            let expected = [WipeReason::Unfinished, WipeReason::Unborn];
            assert!(expected.contains(&reason), "{reason:?}");
            assert_eq!(opened.position, 0);
            continue;
        }
        whole += 1;
        let fresh = tempfile::tempdir().unwrap();
        let (mut fresh, _) = View::open(fresh.path(), &identity(), SETTINGS).unwrap();
        is_a_fold_of_the_log(&view, &mut fresh);
    }
    println!("{whole} of {KILLS} were whole");
}
