//! Object types: those that ship with the service, and the rules for one's own.
//!
//! As with triggers, the built-in ones are compiled into the binary and never
//! written to the topic.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;
use serde_json::{Map, Value};
use triggerfish_core::ObjectType;

use crate::{error::ChangeError, limits::NAME_CHARS_MAX, schema::cut, settings};

/// The built-in object types, in the fields of the API.
static BUILT_IN_FILE: &str = include_str!("../object-types.json");

/// Characters of an id or an entity key at most.
const ID_CHARS_MAX: usize = 100;
/// Bytes of an example at most.
const EXAMPLE_BYTES_MAX: usize = 256 * 1024;
/// Keys that bodies have beside the one of the entity.
const BODY_KEYS: [&str; 2] = ["action", "user"];

/// Object types by id.
pub(crate) type ObjectTypes = BTreeMap<Arc<str>, Arc<CompiledObjectType>>;

static BUILT_IN: LazyLock<Arc<ObjectTypes>> = LazyLock::new(|| {
    let compiled = load(BUILT_IN_FILE).unwrap_or_else(|error| {
        unreachable!("the file of object types is checked by a test, but: {error}")
    });
    let by_id = |compiled: CompiledObjectType| (Arc::clone(&compiled.id), Arc::new(compiled));
    Arc::new(compiled.into_iter().map(by_id).collect())
});

/// An object type as the file writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    entity: String,
    description: String,
    example: Map<String, Value>,
    #[serde(rename = "origin")]
    _origin: Origin,
}

/// Where the fields of the example come from.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Origin {
    /// Public documentation.
    Docs,
    /// None was found; they are ours.
    Own,
}

/// An object type, ready to be used.
pub struct CompiledObjectType {
    /// The object type as it is listed.
    pub object_type: ObjectType,
    /// Whether it ships with the service, and so cannot be changed.
    pub built_in: bool,
    /// The fields of an object, parsed.
    pub example: Map<String, Value>,
    /// Its id, cheap to clone.
    pub id: Arc<str>,
}

impl CompiledObjectType {
    /// Checks and compiles an object type.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] names the field that is wrong.
    pub fn compile(object_type: ObjectType, built_in: bool) -> Result<Self, ChangeError> {
        check_texts(&object_type)?;
        let example = serde_json::from_str(&object_type.example).map_err(|_| {
            ChangeError::invalid(
                "example",
                "is not a JSON object",
                "write an object with the fields that objects of this type have",
            )
        })?;
        Ok(Self {
            id: object_type.id.as_str().into(),
            object_type,
            built_in,
            example,
        })
    }
}

impl fmt::Debug for CompiledObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledObjectType")
            .field("id", &self.id)
            .field("entity", &self.object_type.entity)
            .field("built_in", &self.built_in)
            .finish_non_exhaustive()
    }
}

/// The object types that ship with the service, compiled once in the process.
pub(crate) fn built_in() -> Arc<ObjectTypes> {
    Arc::clone(&BUILT_IN)
}

/// Whether `id` belongs to an object type that ships with the service.
pub(crate) fn is_built_in(id: &str) -> bool {
    BUILT_IN.contains_key(id)
}

/// Whether `text` can be the id of an object type, or the key of its entity.
fn is_word(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !text.is_empty() && text.len() <= ID_CHARS_MAX && text.bytes().all(legal)
}

fn check_texts(object_type: &ObjectType) -> Result<(), ChangeError> {
    let remedy = |example: &str| {
        format!("use 1 to {ID_CHARS_MAX} letters, digits, '.', '_' and '-', e.g. {example}")
    };
    if !is_word(&object_type.id) {
        let problem = format!("{:?} is not an id", cut(&object_type.id, 50));
        return Err(ChangeError::invalid("id", problem, remedy("invoice")));
    }
    settings::check_name(&object_type.name, NAME_CHARS_MAX)?;
    settings::check_description(object_type.description.as_deref())?;
    let entity = object_type.entity.as_str();
    if !is_word(entity) {
        let problem = format!("{:?} is not a key for an object", cut(entity, 50));
        return Err(ChangeError::invalid("entity", problem, remedy("Invoice")));
    }
    if BODY_KEYS.contains(&entity) {
        return Err(ChangeError::invalid(
            "entity",
            format!("{entity:?} has a meaning of its own in bodies"),
            "choose another key, e.g. Invoice",
        ));
    }
    if object_type.example.len() > EXAMPLE_BYTES_MAX {
        return Err(ChangeError::invalid(
            "example",
            format!("has more than {EXAMPLE_BYTES_MAX} bytes"),
            "shorten it",
        ));
    }
    Ok(())
}

fn load(text: &str) -> Result<Vec<CompiledObjectType>, String> {
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let compile = |entry: Entry| {
        let object_type = ObjectType {
            id: entry.id,
            name: entry.name,
            entity: entry.entity,
            description: Some(entry.description),
            example: Value::Object(entry.example).to_string(),
        };
        CompiledObjectType::compile(object_type, true).map_err(|error| error.to_string())
    };
    entries.into_iter().map(compile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_six_types_of_the_reference() {
        let shown: Vec<_> = load(BUILT_IN_FILE)
            .unwrap()
            .into_iter()
            .map(|compiled| {
                assert!(compiled.example.contains_key("id"), "{compiled:?}");
                (compiled.object_type.id, compiled.object_type.entity)
            })
            .collect();
        let expected = [
            ("access-token", "AuthToken"),
            ("api", "Api"),
            ("app", "AppToken"),
            ("developer", "Developer"),
            ("plan", "Plan"),
            ("system-configuration", "SystemConfiguration"),
        ];
        assert_eq!(
            shown,
            expected.map(|(id, entity)| (id.to_owned(), entity.to_owned()))
        );
        assert_eq!(built_in().len(), expected.len());
        assert!(is_built_in("app") && !is_built_in("invoice"));
    }

    #[test]
    fn the_documentation_shows_their_examples() {
        let page = include_str!("../../../docs/callbacks.md");
        for compiled in built_in().values() {
            let entity = compiled.object_type.entity.clone();
            let object = Map::from_iter([(entity, Value::Object(compiled.example.clone()))]);
            let shown = serde_json::to_string_pretty(&object).unwrap();
            let shown = shown.strip_suffix("\n}").unwrap();
            assert!(page.contains(&format!("```json\n{shown},\n")), "{shown}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_own_type_is_named() {
        type Change = fn(&mut ObjectType);
        let own = |change: &dyn Fn(&mut ObjectType)| {
            let mut object_type = ObjectType {
                id: "invoice".to_owned(),
                name: "Invoice".to_owned(),
                entity: "Invoice".to_owned(),
                description: None,
                example: r#"{"id":1}"#.to_owned(),
            };
            change(&mut object_type);
            CompiledObjectType::compile(object_type, false)
        };
        assert_eq!(own(&|_| ()).unwrap().example["id"], 1);
        let wrong: [(&str, Change); 10] = [
            ("id", |own| own.id = String::new()),
            ("id", |own| own.id = "a/b".to_owned()),
            ("id", |own| own.id = "a".repeat(101)),
            ("name", |own| own.name = " ".to_owned()),
            ("description", |own| {
                own.description = Some("d".repeat(5_000));
            }),
            ("entity", |own| own.entity = "In voice".to_owned()),
            ("entity", |own| own.entity = "action".to_owned()),
            ("entity", |own| own.entity = "user".to_owned()),
            ("example", |own| own.example = "[1]".to_owned()),
            ("example", |own| {
                own.example = format!(r#"{{"a":"{}"}}"#, "x".repeat(300_000));
            }),
        ];
        for (field, change) in wrong {
            match own(&change) {
                Err(ChangeError::Invalid { field: named, .. }) => assert_eq!(named, field),
                other => panic!("{field}: {other:?}"),
            }
        }
    }
}
