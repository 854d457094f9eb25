//! Trying a subscription's filter on an input (reference 3.7).

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use triggerfish_filter::{Limits, validate as validate_within};
use utoipa::ToSchema;

use crate::{
    auth::{Caller, scope::ManageSubscriptions},
    body::JsonBody,
    error::ApiError,
    openapi::Errors,
};

/// A filter and what to try it on.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "input": {"identityId": "201327fda1c44704ac01181e963d463c"},
    "filter": "$[?($.identityId == \"201327fda1c44704ac01181e963d463c\")]"
}))]
pub(crate) struct ValidateFilterInput {
    /// The event to try it on.
    #[schema(value_type = Object)]
    input: Map<String, Value>,
    /// A `JSONPath` expression.
    filter: String,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValidateFilterOutput {
    /// Whether the input passes the filter.
    is_valid: bool,
    /// Whether the filter is a `JSONPath` expression.
    #[serde(rename = "isValidJSONPath")]
    is_valid_json_path: bool,
    /// Whether the path leads to something in the input.
    is_path_exist: bool,
}

/// Validate a subscription filter
///
/// A filter that is no expression is answered with `isValidJSONPath: false`, not
/// with an error.
#[utoipa::path(
    post, path = "/validate-filter", operation_id = "testSubscriptionFilterV1", tag = "Triggers",
    request_body = ValidateFilterInput,
    responses((status = 200, description = "The verdict.", body = ValidateFilterOutput), Errors),
    security(("oauth2" = ["sp:trigger-service-subscriptions:manage"])),
)]
pub(crate) async fn validate(
    _caller: Caller<ManageSubscriptions>,
    JsonBody(body): JsonBody<ValidateFilterInput>,
) -> Result<Json<ValidateFilterOutput>, ApiError> {
    let verdict = validate_within(&body.filter, &Value::Object(body.input), &Limits::DEFAULT);
    Ok(Json(ValidateFilterOutput {
        is_valid: verdict.is_valid,
        is_valid_json_path: verdict.is_valid_json_path,
        is_path_exist: verdict.is_path_exist,
    }))
}
