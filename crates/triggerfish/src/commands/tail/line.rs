//! A record as one line for people.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    args::TailTopic,
    output::{Look, Paint, cut},
};

const DETAIL_CHARS: usize = 200;

#[derive(Deserialize)]
struct Record {
    timestamp: String,
    partition: u32,
    offset: u64,
    key: Option<String>,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    headers: Value,
}

/// Time, what it is, whom it is about, and the rest as far as there is room.
pub(super) fn of(
    paint: Paint,
    topic: TailTopic,
    record: &RawValue,
) -> Result<String, serde_json::Error> {
    let record: Record = serde_json::from_str(record.get())?;
    let key = record.key.as_deref().unwrap_or("-");
    let (label, detail) = summary(topic, &record);
    let place = format!("{}@{}", record.partition, record.offset);
    let label = paint.text(Look::of_state(&label), &label);
    let time = paint.text(Look::Dim, &record.timestamp);
    Ok(format!(
        "{time}  {place}  {label}  {key}  {}",
        cut(&detail, DETAIL_CHARS)
    ))
}

fn summary(topic: TailTopic, record: &Record) -> (String, String) {
    let value = &record.value;
    match topic {
        TailTopic::Completions => (text(&value["outcome"]), completion(value)),
        TailTopic::DeadLetters => {
            let header = |name: &str| text(&record.headers[name]);
            let place = format!(
                "{}/{}@{}",
                header("triggerfish-topic"),
                header("triggerfish-partition"),
                header("triggerfish-offset")
            );
            (place, header("triggerfish-reason"))
        }
        TailTopic::InvocationLog => {
            let fields = value.as_object().into_iter().flatten();
            let rest = fields.filter(|(name, value)| {
                !value.is_null() && !["invocationId", "observation", "at"].contains(&&***name)
            });
            let rest: Vec<String> = rest
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            (text(&value["observation"]), rest.join(" "))
        }
        TailTopic::Decisions => (text(&value["decision"]), decision(value)),
    }
}

fn decision(value: &Value) -> String {
    let mut parts = vec![text(&value["objectType"]), text(&value["action"])];
    for name in ["objectId", "user", "reason"] {
        if !value[name].is_null() {
            parts.push(format!("{name}={}", value[name]));
        }
    }
    let callbacks = value["callbacks"].as_array().map_or(0, Vec::len);
    parts.push(format!("callbacks={callbacks}"));
    parts.join(" ")
}

fn completion(value: &Value) -> String {
    let mut parts = vec![text(&value["triggerId"])];
    for name in ["contentJson", "output", "error"] {
        if !value[name].is_null() {
            parts.push(format!("{name}={}", value[name]));
        }
    }
    parts.push(format!("attempts={}", value["attempts"]));
    parts.join(" ")
}

/// Text as it is; what is not there as `?`.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "?".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(topic: TailTopic, value: &Value, headers: &Value) -> String {
        let record = json!({
            "topic": "t", "partition": 1, "offset": 2, "timestamp": "T", "key": "k",
            "value": value, "headers": headers,
        });
        let record = serde_json::value::to_raw_value(&record).unwrap();
        of(Paint::plain(), topic, &record).unwrap()
    }

    #[test]
    fn each_topic_shows_what_matters_in_it() {
        let completion = json!({"triggerId": "t:x", "outcome": "FAILED", "contentJson": {"a": 1},
            "output": null, "error": "no", "attempts": 2});
        assert_eq!(
            shown(TailTopic::Completions, &completion, &json!({})),
            "T  1@2  FAILED  k  t:x contentJson={\"a\":1} error=\"no\" attempts=2"
        );
        let decision = json!({"id": "i", "decision": "DENY", "reason": "quota: no",
            "objectType": "app", "action": "CREATED", "objectId": "7", "user": null,
            "callbacks": [{}, {}]});
        assert_eq!(
            shown(TailTopic::Decisions, &decision, &json!({})),
            "T  1@2  DENY  k  app CREATED objectId=\"7\" reason=\"quota: no\" callbacks=2"
        );
        let headers = json!({"triggerfish-reason": "not JSON", "triggerfish-topic": "in",
            "triggerfish-partition": "0", "triggerfish-offset": "9"});
        assert_eq!(
            shown(TailTopic::DeadLetters, &Value::Null, &headers),
            "T  1@2  in/0@9  k  not JSON"
        );
        let attempt = json!({"invocationId": "k", "at": "T", "observation": "attempt_reported",
            "attempt": 1, "status": 503, "output": null});
        assert_eq!(
            shown(TailTopic::InvocationLog, &attempt, &json!({})),
            "T  1@2  attempt_reported  k  attempt=1 status=503"
        );
    }
}
