//! How entries of the registry lie in its topic: `kind/id` -> JSON.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use triggerfish_core::{Callback, ObjectType, Subscription, SubscriptionId, Trigger};

use crate::model::{Client, Growth};

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A trigger of one's own.
    Trigger(String),
    /// A subscription.
    Subscription(SubscriptionId),
    /// An object type of one's own.
    ObjectType(String),
    /// A callback.
    Callback(SubscriptionId),
    /// An API client.
    Client(String),
    /// Since when the invocation log has how many partitions.
    Growths,
}

impl Key {
    /// The key in `bytes`; the error names what is wrong.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the key is not text")?;
        if text == "growths" {
            return Ok(Self::Growths);
        }
        match text.split_once('/') {
            Some(("trigger", id)) if !id.is_empty() => Ok(Self::Trigger(id.to_owned())),
            Some(("client", id)) if !id.is_empty() => Ok(Self::Client(id.to_owned())),
            Some(("object-type", id)) if !id.is_empty() => Ok(Self::ObjectType(id.to_owned())),
            Some(("subscription", id)) => uuid(id).map(Self::Subscription),
            Some(("callback", id)) => uuid(id).map(Self::Callback),
            _ => Err("the key is of no known kind"),
        }
    }

    /// The key as it is written.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let text = match self {
            Self::Trigger(id) => format!("trigger/{id}"),
            Self::Subscription(id) => format!("subscription/{id}"),
            Self::ObjectType(id) => format!("object-type/{id}"),
            Self::Callback(id) => format!("callback/{id}"),
            Self::Client(id) => format!("client/{id}"),
            Self::Growths => "growths".to_owned(),
        };
        text.into()
    }
}

fn uuid(text: &str) -> Result<SubscriptionId, &'static str> {
    let id = text.parse().map(SubscriptionId);
    id.map_err(|_| "the key does not hold a UUID")
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Trigger(Trigger),
    Subscription(Box<Subscription>),
    ObjectType(ObjectType),
    Callback(Box<Callback>),
    Client(Client),
    Growths(Vec<Growth>),
}

impl Entry {
    /// Reads the value that belongs to `key`.
    pub(crate) fn parse(key: &Key, value: &[u8]) -> Result<Self, String> {
        let entry = match key {
            Key::Trigger(id) => {
                let trigger: Trigger = json(value)?;
                same(id, &trigger.id)?;
                Self::Trigger(trigger)
            }
            Key::Subscription(id) => {
                let subscription: Box<Subscription> = json(value)?;
                same(id, &subscription.id)?;
                Self::Subscription(subscription)
            }
            Key::ObjectType(id) => {
                let object_type: ObjectType = json(value)?;
                same(id, &object_type.id)?;
                Self::ObjectType(object_type)
            }
            Key::Callback(id) => {
                let callback: Box<Callback> = json(value)?;
                same(id, &callback.id)?;
                Self::Callback(callback)
            }
            Key::Client(id) => {
                let client: Client = json(value)?;
                same(id, &client.id)?;
                Self::Client(client)
            }
            Key::Growths => Self::Growths(json(value)?),
        };
        Ok(entry)
    }

    /// The value as it is written.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let text = match self {
            Self::Trigger(trigger) => serde_json::to_vec(trigger),
            Self::Subscription(subscription) => serde_json::to_vec(subscription),
            Self::ObjectType(object_type) => serde_json::to_vec(object_type),
            Self::Callback(callback) => serde_json::to_vec(callback),
            Self::Client(client) => serde_json::to_vec(client),
            Self::Growths(growths) => serde_json::to_vec(growths),
        };
        text.expect("plain data with text keys can be written as JSON")
            .into()
    }
}

/// A change of one entry: its new value, or that it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) key: Key,
    pub(crate) entry: Option<Entry>,
}

/// Parses JSON; the error says where it went wrong, and repeats nothing of a
/// value, since a value may be a credential.
fn json<T: DeserializeOwned>(value: &[u8]) -> Result<T, String> {
    serde_json::from_slice(value).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => {
                format!("the value has an unexpected shape at line {line} column {column}")
            }
            _ => format!("the value is not JSON at line {line} column {column}"),
        }
    })
}

fn same<T: PartialEq>(key: &T, value: &T) -> Result<(), String> {
    if key == value {
        Ok(())
    } else {
        Err("key and value have different ids".to_owned())
    }
}
