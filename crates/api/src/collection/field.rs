//! The fields by which a list can be filtered and sorted.

use triggerfish_core::Timestamp;

/// One field of the rows of a list.
#[derive(Debug)]
pub(crate) struct Field<T: 'static> {
    /// The name that clients write.
    pub(crate) name: &'static str,
    /// What it is compared as.
    pub(crate) kind: Kind,
    /// In which parameters it may stand.
    pub(crate) usage: Usage,
    /// Its value in a row.
    pub(crate) value: fn(&T) -> Value<'_>,
}

/// What a field is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, upper and lower case alike.
    Text,
    /// Text, exactly as written.
    Exact,
    /// A date-time, compared in time.
    Time,
}

/// In which parameters a field may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// `filters` only.
    Filter,
    /// `sorters` only.
    Sort,
    /// Both.
    Both,
}

impl Usage {
    pub(crate) const fn filters(self) -> bool {
        matches!(self, Self::Filter | Self::Both)
    }

    pub(crate) const fn sorts(self) -> bool {
        matches!(self, Self::Sort | Self::Both)
    }
}

/// The value of a field in a row.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    /// Not there.
    Null,
    /// Text.
    Text(std::borrow::Cow<'a, str>),
    /// A date-time.
    Time(Timestamp),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// A value in the form in which two of one field are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Comparable {
    Null,
    Text(String),
    Time(Timestamp),
}

impl Kind {
    pub(crate) fn comparable(self, value: &Value<'_>) -> Comparable {
        match (self, value) {
            (_, Value::Null) => Comparable::Null,
            (Self::Text, Value::Text(text)) => Comparable::Text(text.to_lowercase()),
            (Self::Exact | Self::Time, Value::Text(text)) => {
                Comparable::Text(text.clone().into_owned())
            }
            (_, Value::Time(at)) => Comparable::Time(*at),
        }
    }

    /// The literal a client wrote, or `None` if it is none of this kind.
    pub(crate) fn literal(self, text: &str) -> Option<Comparable> {
        match self {
            Self::Text => Some(Comparable::Text(text.to_lowercase())),
            Self::Exact => Some(Comparable::Text(text.to_owned())),
            Self::Time => Timestamp::parse(text).map(Comparable::Time),
        }
    }
}
