//! Triggers with their schemas compiled, and the rules for triggers of one's own.

use std::{fmt, sync::Arc};

use serde_json::Value;
use triggerfish_core::{Trigger, TriggerType};

use crate::{
    error::ChangeError,
    schema::{CompiledSchema, SchemaViolation},
};

/// Characters of a trigger's id at most.
pub(crate) const TRIGGER_ID_CHARS_MAX: usize = 200;

/// Bytes of an example or a description at most.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Where a trigger comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerSource {
    /// Ships with the service and cannot be changed.
    Catalogue,
    /// Declared by whoever runs the service.
    Own,
}

/// A trigger, ready to judge events and answers.
pub struct CompiledTrigger {
    /// The trigger as it is listed.
    pub trigger: Trigger,
    /// Where it comes from.
    pub source: TriggerSource,
    /// The example event, parsed.
    pub example_input: Value,
    /// Its id, cheap to clone.
    pub id: Arc<str>,
    input: CompiledSchema,
    output: Option<CompiledSchema>,
}

impl CompiledTrigger {
    /// Checks and compiles a trigger.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] names the field that is wrong: the id, a schema
    /// that does not compile, an example that does not fit its schema, or an
    /// output where none can be.
    pub fn compile(trigger: Trigger, source: TriggerSource) -> Result<Self, ChangeError> {
        check_texts(&trigger)?;
        let input = schema("inputSchema", &trigger.input_schema)?;
        let example_input = example("exampleInput", &trigger.example_input, Some(&input))?;
        if trigger.trigger_type == TriggerType::FireAndForget && has_output(&trigger) {
            return Err(ChangeError::invalid(
                "outputSchema",
                "a FIRE_AND_FORGET trigger gets no answer",
                "leave outputSchema and exampleOutput out, or make it REQUEST_RESPONSE",
            ));
        }
        let output = match &trigger.output_schema {
            Some(text) => Some(schema("outputSchema", text)?),
            None => None,
        };
        if let Some(text) = &trigger.example_output {
            example("exampleOutput", text, output.as_ref())?;
        }
        Ok(Self {
            id: trigger.id.as_str().into(),
            trigger,
            source,
            example_input,
            input,
            output,
        })
    }

    /// Whether `event` fits the input schema.
    pub fn check_input(&self, event: &Value) -> Result<(), SchemaViolation> {
        self.input.check(event)
    }

    /// Whether `answer` fits the output schema; anything does where there is none.
    pub fn check_output(&self, answer: &Value) -> Result<(), SchemaViolation> {
        match &self.output {
            Some(schema) => schema.check(answer),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for CompiledTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledTrigger")
            .field("id", &self.id)
            .field("type", &self.trigger.trigger_type)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Whether `id` is one that a trigger may have.
pub fn is_trigger_id(id: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.' | b'_' | b'-');
    !id.is_empty() && id.len() <= TRIGGER_ID_CHARS_MAX && id.bytes().all(legal)
}

fn has_output(trigger: &Trigger) -> bool {
    trigger.output_schema.is_some() || trigger.example_output.is_some()
}

fn check_texts(trigger: &Trigger) -> Result<(), ChangeError> {
    if !is_trigger_id(&trigger.id) {
        return Err(ChangeError::invalid(
            "id",
            format!(
                "{:?} is not a trigger id",
                crate::schema::cut(&trigger.id, 50)
            ),
            format!(
                "use 1 to {TRIGGER_ID_CHARS_MAX} letters, digits, ':', '.', '_' and '-', e.g. acme:order-cancelled"
            ),
        ));
    }
    if trigger.name.trim().is_empty() || trigger.name.chars().count() > 255 {
        return Err(ChangeError::invalid(
            "name",
            "is empty or too long",
            "give it a name of 1 to 255 characters",
        ));
    }
    let texts = [
        ("description", trigger.description.as_deref()),
        ("exampleInput", Some(trigger.example_input.as_str())),
        ("exampleOutput", trigger.example_output.as_deref()),
    ];
    for (field, text) in texts {
        if text.is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(ChangeError::invalid(
                field,
                format!("has more than {TEXT_BYTES_MAX} bytes"),
                "shorten it",
            ));
        }
    }
    Ok(())
}

fn schema(field: &str, text: &str) -> Result<CompiledSchema, ChangeError> {
    CompiledSchema::compile(text).map_err(|error| {
        ChangeError::invalid(
            field,
            error.to_string(),
            "write a JSON Schema (draft-07 unless $schema says otherwise) that stands on its own",
        )
    })
}

fn example(field: &str, text: &str, schema: Option<&CompiledSchema>) -> Result<Value, ChangeError> {
    let value = serde_json::from_str(text).map_err(|error| {
        ChangeError::invalid(field, format!("is not JSON: {error}"), "write JSON")
    })?;
    if let Some(schema) = schema {
        schema.check(&value).map_err(|violation| {
            ChangeError::invalid(
                field,
                format!("does not fit its schema: {violation}"),
                "correct the example or the schema",
            )
        })?;
    }
    Ok(value)
}
