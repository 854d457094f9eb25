//! Object types; an addition to the reference of event triggers.

use serde::{Deserialize, Serialize};
use triggerfish_core::ObjectType;
use triggerfish_registry::CompiledObjectType;
use utoipa::ToSchema;

use super::raw::{RawJson, RawObject};
use crate::error::ApiError;

/// A kind of object that a platform has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ObjectType)]
pub(crate) struct ObjectTypeView {
    /// Its id.
    #[schema(example = "app")]
    id: String,
    /// Its name.
    #[schema(example = "App")]
    name: String,
    /// The key that holds the object in what receivers get.
    #[schema(example = "AppToken")]
    entity: String,
    /// What it is.
    description: Option<String>,
    /// The fields of an object.
    #[schema(value_type = Object)]
    example: RawJson,
    /// Whether it ships with the service, and so can't be changed.
    built_in: bool,
}

impl From<&CompiledObjectType> for ObjectTypeView {
    fn from(compiled: &CompiledObjectType) -> Self {
        let object_type = &compiled.object_type;
        Self {
            id: object_type.id.clone(),
            name: object_type.name.clone(),
            entity: object_type.entity.clone(),
            description: object_type.description.clone(),
            example: RawJson::from_stored(object_type.example.as_bytes()),
            built_in: compiled.built_in,
        }
    }
}

/// An object type of one's own, to be kept under the id in the path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectTypePutRequest {
    /// If given, the id in the path.
    id: Option<String>,
    /// Its name.
    #[schema(example = "Invoice")]
    name: String,
    /// The key that holds the object in what receivers get.
    #[schema(example = "Invoice")]
    entity: String,
    /// What it is.
    description: Option<String>,
    /// The fields of an object.
    #[schema(value_type = Object, example = json!({"id": 1, "total": "99.90"}))]
    example: RawObject,
}

impl ObjectTypePutRequest {
    /// The object type with the id from the path.
    pub(crate) fn into_object_type(self, id: String) -> Result<ObjectType, ApiError> {
        if self.id.is_some_and(|own| own != id) {
            return Err(ApiError::bad_request(
                "id: must be the id in the path, or left out",
            ));
        }
        Ok(ObjectType {
            id,
            name: self.name,
            entity: self.entity,
            description: self.description,
            example: self.example.get().to_owned(),
        })
    }
}
