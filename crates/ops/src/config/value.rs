//! How single values are written and shown.

use std::{
    fmt,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;
use serde::Deserialize as _;
use serde_json::json;
use triggerfish_core::{Secret, deadline};
use url::Url;

/// The type of one setting.
pub(super) trait Leaf: Sized {
    /// What a value must be, after "is not".
    const EXPECTED: &'static str;
    /// Whether a value may be quoted in errors.
    const SECRET: bool = false;

    /// From a value of the file.
    fn from_typed(value: toml::Value) -> Result<Self, String>;

    /// From the text of a variable or a flag: as a string if the setting is one,
    /// else as TOML.
    fn from_text(text: &str) -> Result<Self, String> {
        Self::from_typed(toml::Value::String(text.to_owned())).or_else(|refused| {
            match toml::from_str::<toml::Table>(&format!("value = {text}")) {
                Ok(mut table) if table.len() == 1 => table
                    .remove("value")
                    .map_or_else(|| Err(refused.clone()), Self::from_typed)
                    .map_err(|_| refused),
                _ => Err(refused),
            }
        })
    }

    /// For listings, masked if it is a secret.
    fn shown(&self) -> serde_json::Value;
}

/// "x is not a y", without x where it may be a secret.
fn refusal<T: Leaf>(value: &toml::Value) -> String {
    if T::SECRET {
        return format!("the value is not {}", T::EXPECTED);
    }
    let mut text = value.to_string();
    if let Some((cut, _)) = text.char_indices().nth(80) {
        text.truncate(cut);
        text.push('…');
    }
    format!("{text} is not {}", T::EXPECTED)
}

macro_rules! by_serde {
    ($($type:ty: $expected:literal),* $(,)?) => {$(
        impl Leaf for $type {
            const EXPECTED: &'static str = $expected;
            fn from_typed(value: toml::Value) -> Result<Self, String> {
                Self::deserialize(value.clone()).map_err(|_| refusal::<Self>(&value))
            }
            fn shown(&self) -> serde_json::Value {
                json!(self)
            }
        }
    )*};
}

by_serde! {
    u16: "a whole number from 0 to 65535",
    u32: "a whole number from 0 to 4294967295",
    u64: "a whole number, zero or more",
    NonZeroU16: "a whole number from 1 to 65535",
    NonZeroU32: "a whole number from 1 to 4294967295",
    NonZeroUsize: "a whole number of at least 1",
    bool: "true or false",
    String: "text",
    PathBuf: "a path",
    SocketAddr: "ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:8080",
    IpNet: "a network, such as 127.0.0.0/8 or fd00::/8",
    LogFormat: "a log format; write \"human\" or \"json\"",
}

impl Leaf for Url {
    const EXPECTED: &'static str =
        "an http or https address without query, such as https://hooks.example.com";

    fn from_typed(value: toml::Value) -> Result<Self, String> {
        value
            .as_str()
            .and_then(|text| Self::parse(text).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .filter(|url| url.query().is_none() && url.fragment().is_none())
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .ok_or_else(|| format!("the value is not {}", Self::EXPECTED))
    }

    fn shown(&self) -> serde_json::Value {
        json!(self.as_str())
    }
}

impl Leaf for Secret {
    const EXPECTED: &'static str = "text";
    const SECRET: bool = true;

    fn from_typed(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Ok(Self::new(text)),
            other => Err(refusal::<Self>(&other)),
        }
    }

    fn shown(&self) -> serde_json::Value {
        json!("***")
    }
}

impl<T: Leaf> Leaf for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const SECRET: bool = T::SECRET;

    fn from_typed(value: toml::Value) -> Result<Self, String> {
        T::from_typed(value).map(Some)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        T::from_text(text).map(Some)
    }

    fn shown(&self) -> serde_json::Value {
        self.as_ref().map_or(serde_json::Value::Null, T::shown)
    }
}

/// In a variable: a TOML array, or items with commas between them.
impl<T: Leaf> Leaf for Vec<T> {
    const EXPECTED: &'static str = "a list";
    const SECRET: bool = T::SECRET;

    fn from_typed(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Array(items) => items.into_iter().map(T::from_typed).collect(),
            other => Err(format!(
                "{}, but of type {}",
                refusal::<Self>(&other),
                other.type_str()
            )),
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('[') {
            let mut table = toml::from_str::<toml::Table>(&format!("value = {text}"))
                .map_err(|_| "the value begins with [ but is not a TOML array".to_owned())?;
            return Self::from_typed(table.remove("value").unwrap_or(toml::Value::Boolean(false)));
        }
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(T::from_text)
            .collect()
    }

    fn shown(&self) -> serde_json::Value {
        self.iter().map(T::shown).collect()
    }
}

/// A length of time, written in ISO 8601 (`PT10S`, `P7D`). A day is 24 hours.
#[derive(Clone, PartialEq, Eq)]
pub struct IsoDuration {
    text: String,
    duration: Duration,
}

impl IsoDuration {
    /// Parses it.
    pub fn parse(text: &str) -> Result<Self, deadline::DurationError> {
        Ok(Self {
            text: text.to_owned(),
            duration: deadline::parse(text)?,
        })
    }

    /// A default of ours.
    pub(super) fn preset(text: &'static str) -> Self {
        Self::parse(text).expect("defaults are written in ISO 8601")
    }

    /// How long it is.
    #[must_use]
    pub const fn get(&self) -> Duration {
        self.duration
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for IsoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Leaf for IsoDuration {
    const EXPECTED: &'static str = "an ISO-8601 duration; write for example PT1H, PT30M or P1D";

    fn from_typed(value: toml::Value) -> Result<Self, String> {
        match value.as_str() {
            Some(text) => Self::parse(text).map_err(|error| error.to_string()),
            None => Err(refusal::<Self>(&value)),
        }
    }

    fn shown(&self) -> serde_json::Value {
        json!(self.text)
    }
}

/// How long something may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as it likes; written `never`, for what is never done about it.
    Endless,
    /// So long.
    Lasting(IsoDuration),
}

impl Patience {
    /// The limit, if there is one.
    #[must_use]
    pub const fn limit(&self) -> Option<Duration> {
        match self {
            Self::Endless => None,
            Self::Lasting(duration) => Some(duration.get()),
        }
    }
}

impl Leaf for Patience {
    const EXPECTED: &'static str = "\"never\" or an ISO-8601 duration such as P5D";

    fn from_typed(value: toml::Value) -> Result<Self, String> {
        match value.as_str() {
            Some("never") => Ok(Self::Endless),
            Some(text) => match IsoDuration::parse(text) {
                Ok(duration) => Ok(Self::Lasting(duration)),
                Err(deadline::DurationError::Syntax(_)) => Err(refusal::<Self>(&value)),
                Err(other) => Err(other.to_string()),
            },
            None => Err(refusal::<Self>(&value)),
        }
    }

    fn shown(&self) -> serde_json::Value {
        match self {
            Self::Endless => json!("never"),
            Self::Lasting(duration) => duration.shown(),
        }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line, for machines.
    Json,
}
