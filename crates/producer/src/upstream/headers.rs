//! The headers of a record that say something about its event.

use triggerfish_core::Timestamp;
use triggerfish_log::Record;
use triggerfish_runtime::{EVENT_TIME, IDENTITY};
use triggerfish_wire::{
    cloudevents::{Binding, essence, is_attribute},
    traceparent,
};

/// The trigger that fires.
const TRIGGER: &str = "triggerfish-trigger";
/// Metadata for the completion: a JSON object.
const CONTENT_JSON: &str = "triggerfish-content-json";
/// How deep the call was that caused the event.
const DEPTH: &str = "triggerfish-depth";
/// What a JSON value is: `event` or `input`.
const FORMAT: &str = "triggerfish-format";

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// An object with `input` in it.
    Event,
    /// The input alone.
    Input,
}

/// The headers of one record. Of several with one name the last counts.
#[derive(Clone, Copy)]
pub(super) struct Headers<'r>(&'r [(String, bytes::Bytes)]);

impl<'r> Headers<'r> {
    pub(super) const fn of(record: &'r Record) -> Self {
        Self(record.headers.as_slice())
    }

    /// All of them.
    pub(super) fn all(self) -> impl Iterator<Item = (&'r str, &'r [u8])> {
        let pair = |(name, value): &'r (String, bytes::Bytes)| (name.as_str(), value.as_ref());
        self.0.iter().map(pair)
    }

    /// Whether an attribute of a `CloudEvent` is among them.
    pub(super) fn has_attributes(self) -> bool {
        self.all()
            .any(|(name, _)| is_attribute(Binding::Kafka, name))
    }

    /// The content type without parameters, in lower case; empty if there is none.
    pub(super) fn content_type(self) -> Result<String, String> {
        Ok(self.text("content-type")?.map_or_else(String::new, essence))
    }

    pub(super) fn trigger(self) -> Result<Option<&'r str>, String> {
        self.text(TRIGGER)
    }

    pub(super) fn content_json(self) -> Option<&'r [u8]> {
        self.bytes(CONTENT_JSON)
    }

    pub(super) fn format(self) -> Result<Option<Format>, String> {
        match self.text(FORMAT)? {
            None => Ok(None),
            Some("event") => Ok(Some(Format::Event)),
            Some("input") => Ok(Some(Format::Input)),
            Some(other) => Err(format!(
                "header {FORMAT} is {other:?}; write \"event\" or \"input\""
            )),
        }
    }

    /// An event that was caused by a call is one deeper than that call.
    pub(super) fn depth(self) -> Result<u32, String> {
        let Some(text) = self.text(DEPTH)? else {
            return Ok(0);
        };
        let depth: u32 = text
            .trim()
            .parse()
            .map_err(|_| format!("header {DEPTH} must be a whole number, zero or more"))?;
        Ok(depth.saturating_add(1))
    }

    /// A trace context that is not well-formed starts no trace.
    pub(super) fn traceparent(self) -> Option<&'r str> {
        let text = self.text("traceparent").ok().flatten();
        text.filter(|text| traceparent::is_valid(text))
    }

    /// When the event happened, if its message does not say.
    pub(super) fn time(self) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(EVENT_TIME)? else {
            return Ok(None);
        };
        let time = Timestamp::parse(text)
            .ok_or_else(|| format!("header {EVENT_TIME} is not an RFC 3339 date-time"))?;
        Ok(Some(time))
    }

    /// Where the event was first read, as `topic/partition` and `offset`: its identity
    /// if it has no id of its own.
    pub(super) fn first_place(self) -> Result<Option<(&'r str, &'r str)>, String> {
        let Some(text) = self.text(IDENTITY)? else {
            return Ok(None);
        };
        let parsed = text.rsplit_once('@').filter(|(partition, offset)| {
            let number = partition.rsplit_once('/').map(|(_, number)| number);
            number.is_some_and(|number| number.parse::<u32>().is_ok())
                && offset.parse::<u64>().is_ok()
        });
        parsed
            .map(Some)
            .ok_or_else(|| format!("header {IDENTITY} is not of the form topic/partition@offset"))
    }

    fn bytes(self, name: &str) -> Option<&'r [u8]> {
        let mut named = self.0.iter().rev();
        named
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_ref())
    }

    fn text(self, name: &str) -> Result<Option<&'r str>, String> {
        let Some(bytes) = self.bytes(name) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(bytes).map_err(|_| format!("header {name} is not UTF-8"))?;
        Ok(Some(text))
    }
}
