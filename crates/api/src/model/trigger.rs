//! Triggers (reference 5.1).

use serde::{Deserialize, Serialize};
use triggerfish_core::{Trigger, TriggerType};
use utoipa::ToSchema;

use super::{
    names,
    raw::{RawJson, RawObject},
};
use crate::error::ApiError;

/// A kind of event that can be subscribed to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Trigger)]
pub(crate) struct TriggerView {
    /// Its id.
    #[schema(example = "idn:access-request-pre-approval")]
    id: String,
    /// Its name.
    name: String,
    /// Whether an answer is owed.
    #[serde(rename = "type")]
    #[schema(value_type = names::TriggerType)]
    trigger_type: TriggerType,
    /// When it fires.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// JSON Schema of what subscribers get, as text.
    #[schema(example = "{\"type\":\"object\"}")]
    input_schema: String,
    /// What a subscriber may get.
    #[schema(value_type = Object)]
    example_input: RawJson,
    /// JSON Schema of what subscribers answer, as text; only for `REQUEST_RESPONSE`.
    output_schema: Option<String>,
    /// What a subscriber may answer.
    #[schema(value_type = Option<Object>)]
    example_output: Option<RawJson>,
}

impl From<&Trigger> for TriggerView {
    fn from(trigger: &Trigger) -> Self {
        Self {
            id: trigger.id.clone(),
            name: trigger.name.clone(),
            trigger_type: trigger.trigger_type,
            description: trigger.description.clone(),
            input_schema: trigger.input_schema.clone(),
            example_input: RawJson::from_stored(trigger.example_input.as_bytes()),
            output_schema: trigger.output_schema.clone(),
            example_output: trigger
                .example_output
                .as_ref()
                .map(|text| RawJson::from_stored(text.as_bytes())),
        }
    }
}

/// A trigger of one's own, to be kept under the id in the path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TriggerPutRequest {
    /// If given, the id in the path.
    id: Option<String>,
    /// Its name.
    #[schema(example = "Order cancelled")]
    name: String,
    /// Whether an answer is owed.
    #[serde(rename = "type")]
    #[schema(value_type = names::TriggerType)]
    trigger_type: TriggerType,
    /// When it fires.
    description: Option<String>,
    /// JSON Schema of the event: an object, or its text.
    #[schema(value_type = Object)]
    input_schema: RawJson,
    /// An event that fits the schema.
    #[schema(value_type = Object)]
    example_input: RawObject,
    /// JSON Schema of the answer: an object, or its text.
    #[schema(value_type = Option<Object>)]
    output_schema: Option<RawJson>,
    /// An answer that fits the schema.
    #[schema(value_type = Option<Object>)]
    example_output: Option<RawJson>,
}

impl TriggerPutRequest {
    /// The trigger with the id from the path.
    pub(crate) fn into_trigger(self, id: String) -> Result<Trigger, ApiError> {
        if self.id.is_some_and(|own| own != id) {
            return Err(ApiError::bad_request(
                "id: must be the id in the path, or left out",
            ));
        }
        Ok(Trigger {
            id,
            name: self.name,
            trigger_type: self.trigger_type,
            description: self.description,
            input_schema: schema_text("inputSchema", &self.input_schema)?,
            example_input: self.example_input.get().to_owned(),
            output_schema: self
                .output_schema
                .map(|schema| schema_text("outputSchema", &schema))
                .transpose()?,
            example_output: self.example_output.map(|example| example.get().to_owned()),
        })
    }
}

fn schema_text(field: &str, schema: &RawJson) -> Result<String, ApiError> {
    if schema.get().starts_with('"') {
        return serde_json::from_str(schema.get())
            .map_err(|_| ApiError::bad_request(format!("{field}: not valid text")));
    }
    Ok(schema.get().to_owned())
}
