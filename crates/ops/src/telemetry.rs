//! Log lines, to standard error: for people, or one JSON object a line.
//!
//! INFO is the life of the process, WARN what it got over by itself, ERROR what
//! somebody must act on. A panic anywhere becomes an ERROR line.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{IsTerminal as _, stderr},
    panic::PanicHookInfo,
    sync::Once,
};

use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, fmt::MakeWriter, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// The level is not one.
#[derive(Debug, thiserror::Error)]
#[error(
    "log.level {level:?} is not a level or filter; write for example info or info,triggerfish_delivery=debug"
)]
pub struct Error {
    level: String,
}

static PANICS: Once = Once::new();

/// Begins to write log lines and to log panics. Once begun, in this process, later
/// calls change nothing.
///
/// # Errors
/// When `log.level` is not a filter.
pub fn init(log: &Log) -> Result<(), Error> {
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = subscriber(log, colours, stderr)?;
    // Refused when there is a subscriber already, whose lines then stay as they are.
    let _ = subscriber.try_init();
    PANICS.call_once(log_panics);
    Ok(())
}

/// What [`init`] installs, with another writer for tests.
fn subscriber<W>(log: &Log, colours: bool, writer: W) -> Result<impl Subscriber + use<W>, Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(&log.level).map_err(|_| Error {
        level: log.level.clone(),
    })?;
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match log.format {
        LogFormat::Human => fmt::layer().with_ansi(colours).with_writer(writer).boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(writer)
            .boxed(),
    };
    Ok(tracing_subscriber::registry().with(layer).with(filter))
}

fn log_panics() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if tracing::enabled!(Level::ERROR) {
            log_panic(panic);
        } else {
            previous(panic);
        }
    }));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("without a message");
    let place = panic.location().map(ToString::to_string);
    let thread = std::thread::current();
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        place,
        thread = thread.name().unwrap_or("unnamed"),
        backtrace,
        "panicked: {message}"
    );
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(log: &Log, colours: bool, act: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(log, colours, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, act);
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn log(format: LogFormat, level: &str) -> Log {
        Log {
            format,
            level: level.to_owned(),
        }
    }

    #[test]
    fn json_lines_are_objects_with_fields_and_span() {
        let lines = lines(&log(LogFormat::Json, "info"), false, || {
            let _span = tracing::info_span!("call", invocation = "i1").entered();
            tracing::warn!(attempt = 2, "no answer\nin time");
            tracing::debug!("not shown");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "no answer\nin time");
        assert_eq!(line["attempt"], 2);
        assert_eq!(line["span"]["invocation"], "i1");
    }

    #[test]
    fn people_get_colours_only_where_they_are_wanted() {
        let say = || tracing::info!("ready");
        let plain = lines(&log(LogFormat::Human, "info"), false, say);
        assert!(
            plain[0].contains("INFO") && !plain[0].contains('\u{1b}'),
            "{plain:?}"
        );
        let coloured = lines(&log(LogFormat::Human, "info"), true, say);
        assert!(coloured[0].contains('\u{1b}'), "{coloured:?}");
    }

    #[test]
    fn the_level_can_be_a_filter() {
        let lines = lines(&log(LogFormat::Human, "warn,loud=debug"), false, || {
            tracing::info!("quiet");
            tracing::debug!(target: "loud", "heard");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(init(&log(LogFormat::Human, "a=b=c")).is_err());
    }
}
