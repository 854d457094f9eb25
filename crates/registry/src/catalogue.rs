//! The triggers that ship with the service.
//!
//! They are compiled into the binary and never written to the topic, so an
//! upgrade brings its catalogue with it.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;
use serde_json::Value;
use triggerfish_core::{Trigger, TriggerType};

use crate::trigger::{CompiledTrigger, TriggerSource};

/// File name and text of every trigger.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Triggers by id.
pub(crate) type Triggers = BTreeMap<Arc<str>, Arc<CompiledTrigger>>;

static TRIGGERS: LazyLock<Arc<Triggers>> = LazyLock::new(|| {
    let compiled = FILES.iter().map(|(name, text)| {
        let trigger = load(text).unwrap_or_else(|error| {
            unreachable!("catalogue file {name} is checked by a test, but: {error}")
        });
        (Arc::clone(&trigger.id), Arc::new(trigger))
    });
    Arc::new(compiled.collect())
});

/// A trigger as a catalogue file writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    id: String,
    name: String,
    #[serde(rename = "type")]
    trigger_type: TriggerType,
    description: String,
    input_schema: Value,
    example_input: Value,
    output_schema: Option<Value>,
    example_output: Option<Value>,
    #[serde(rename = "origin")]
    _origin: String,
}

/// The triggers that ship with the service, compiled once in the process.
pub(crate) fn triggers() -> Arc<Triggers> {
    Arc::clone(&TRIGGERS)
}

/// Whether `id` belongs to a trigger that ships with the service.
pub(crate) fn contains(id: &str) -> bool {
    TRIGGERS.contains_key(id)
}

fn load(text: &str) -> Result<CompiledTrigger, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let trigger = Trigger {
        id: file.id,
        name: file.name,
        trigger_type: file.trigger_type,
        description: Some(file.description),
        input_schema: file.input_schema.to_string(),
        example_input: file.example_input.to_string(),
        output_schema: file.output_schema.map(|schema| schema.to_string()),
        example_output: file.example_output.map(|example| example.to_string()),
    };
    CompiledTrigger::compile(trigger, TriggerSource::Catalogue).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_trigger_named_after_its_id() {
        let mut ids = std::collections::BTreeSet::new();
        for (name, text) in FILES {
            let trigger = load(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let id = trigger.trigger.id.clone();
            assert_eq!(format!("{}.json", id.replace(':', "_")), *name);
            trigger.check_input(&trigger.example_input).unwrap();
            let answers = trigger.trigger.trigger_type == TriggerType::RequestResponse;
            assert_eq!(trigger.trigger.output_schema.is_some(), answers, "{name}");
            assert_eq!(trigger.trigger.example_output.is_some(), answers, "{name}");
            assert!(ids.insert(id), "{name}");
        }
        assert_eq!(ids.len(), 44);
        assert_eq!(triggers().len(), 44);
        assert!(contains("idn:access-request-pre-approval"));
    }

    #[test]
    fn the_schemas_say_no_to_what_does_not_fit() {
        let triggers = triggers();
        let approval = &triggers["idn:access-request-pre-approval"];
        let violation = approval.check_input(&serde_json::json!({})).unwrap_err();
        assert_eq!(violation.pointer, "");
        assert!(violation.rule.contains("required"), "{violation}");
        let answer = serde_json::json!({"approved": "yes", "comment": "", "approver": ""});
        let violation = approval.check_output(&answer).unwrap_err();
        assert_eq!(violation.pointer, "/approved");
        assert!(!violation.rule.contains("yes"), "{violation}");
    }
}
