//! Takes each field of each section out of the layers, noting what it found.

use std::fmt::Write as _;

use super::{
    effective::Row,
    layers::{Layers, PREFIX, Raw, SEPARATOR, SHORT_NAMES, Source},
    problem::Problem,
    value::Leaf,
};

/// How alike a key must be to be offered in place of an unknown one.
const ALIKE: f64 = 0.8;

/// A struct of settings.
pub(super) trait Section: Sized {
    /// Its name in the file.
    const NAME: &'static str;
    /// What it is about.
    const ABOUT: &'static [&'static str];

    /// Reads all fields.
    fn read(reader: &mut Reader<'_>) -> Self;
}

/// A field of a section: a value, or a group of values.
pub(super) trait Setting: Sized {
    /// Reads it, or takes the default.
    fn read(reader: &mut Reader<'_>, key: &str, meaning: &str, default: Self) -> Self;
}

impl<T: Leaf> Setting for T {
    fn read(reader: &mut Reader<'_>, key: &str, meaning: &str, default: Self) -> Self {
        reader.leaf(key, meaning, default)
    }
}

/// Declares a struct of settings: each field has its doc comment, its type and its
/// default, and from these come the reader and the reference.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident in $section:literal {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr, )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $crate::config::reader::Section for $name {
            const NAME: &'static str = $section;
            const ABOUT: &'static [&'static str] = &[$($about),+];

            fn read(reader: &mut $crate::config::reader::Reader<'_>) -> Self {
                let default = Self::default();
                Self { $(
                    $field: $crate::config::reader::Setting::read(
                        reader,
                        concat!($section, ".", stringify!($field)),
                        concat!($($doc),+).trim(),
                        default.$field,
                    ),
                )* }
            }
        }
    };
}
pub(super) use section;

/// Reads fields and keeps what is found wrong.
pub(super) struct Reader<'a> {
    layers: &'a mut Layers,
    rows: Vec<Row>,
    /// Keys whose values could not be read, so the defaults stand in for them.
    unreadable: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a mut Layers) -> Self {
        Self {
            layers,
            rows: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    /// The rows and the problems, in the order in which they were found.
    pub(super) fn finish(self) -> (Vec<Row>, Vec<Problem>) {
        (self.rows, std::mem::take(&mut self.layers.problems))
    }

    pub(super) fn leaf<T: Leaf>(&mut self, key: &str, meaning: &str, default: T) -> T {
        let preset = default.shown();
        let (value, source) = match self.layers.leaves.remove(key) {
            None => (default, Source::Default),
            Some(leaf) => {
                let read = match leaf.raw {
                    Raw::Typed(value) => T::from_typed(value),
                    Raw::Text(text) => T::from_text(&text),
                };
                let value = read.unwrap_or_else(|text| {
                    self.problem(leaf.source.clone(), key, text);
                    self.unreadable.push(key.to_owned());
                    default
                });
                (value, leaf.source)
            }
        };
        self.rows.push(Row {
            key: key.to_owned(),
            value: value.shown(),
            source,
            preset,
            meaning: meaning.to_owned(),
        });
        value
    }

    /// Takes the value of `key` itself, as it was written.
    pub(super) fn take(&mut self, key: &str) -> Option<(Raw, Source)> {
        let leaf = self.layers.leaves.remove(key)?;
        Some((leaf.raw, leaf.source))
    }

    /// Takes everything left under `section`, with the rest of its key.
    pub(super) fn rest_of(&mut self, section: &str) -> Vec<(String, Raw, Source)> {
        let prefix = format!("{section}.");
        let mut keys: Vec<String> = self.layers.leaves.keys().cloned().collect();
        keys.retain(|key| key.starts_with(&prefix));
        keys.into_iter()
            .filter_map(|key| {
                let leaf = self.layers.leaves.remove(&key)?;
                Some((key[prefix.len()..].to_owned(), leaf.raw, leaf.source))
            })
            .collect()
    }

    pub(super) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn problem(&mut self, source: Source, key: &str, text: impl Into<String>) {
        self.layers.problems.push(Problem {
            source,
            key: key.to_owned(),
            text: text.into(),
        });
    }

    /// Says that the values of `keys` do not go together, unless one of them could
    /// not be read.
    pub(super) fn conflict(&mut self, keys: &[&str], text: &str) {
        if keys
            .iter()
            .any(|key| self.unreadable.iter().any(|k| k == key))
        {
            return;
        }
        let mut involved: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| keys.contains(&row.key.as_str()))
            .collect();
        // What a person set is named first; the defaults follow.
        involved.sort_by_key(|row| row.source == Source::Default);
        let Some(first) = involved.first().map(|row| (*row).clone()) else {
            return;
        };
        let mut said = first.value.to_string();
        for row in &involved[1..] {
            let _ = write!(
                said,
                " against {} = {} ({})",
                row.key, row.value, row.source
            );
        }
        self.problem(first.source, &first.key, format!("{said}: {text}"));
    }

    /// Reports what no field has taken.
    pub(super) fn report_unknown(&mut self) {
        let left = std::mem::take(&mut self.layers.leaves);
        for (key, leaf) in left {
            let is_section = self.sections().any(|section| section == key);
            let empty =
                matches!(&leaf.raw, Raw::Typed(toml::Value::Table(table)) if table.is_empty());
            if is_section && empty {
                continue;
            }
            let text = if is_section {
                format!("is a section; write [{key}] and its keys below it")
            } else {
                self.unknown(&key, &leaf.source)
            };
            self.problem(leaf.source, &key, text);
        }
        for name in std::mem::take(&mut self.layers.strays) {
            if let Some(meant) = self.meant_by(&name) {
                let text = format!("unknown variable; did you mean {meant}?");
                self.problem(Source::Env(name), "", text);
            }
        }
    }

    /// `api`, `delivery`, `delivery.fire_and_forget_retry` and so on.
    fn sections(&self) -> impl Iterator<Item = &str> {
        self.rows
            .iter()
            .filter_map(|row| row.key.rsplit_once('.'))
            .flat_map(|(section, _)| {
                let top = section.split('.').next().unwrap_or(section);
                [section, top]
            })
    }

    fn unknown(&self, key: &str, source: &Source) -> String {
        let spelled = |known: &str| match source {
            Source::Env(_) => variable_of(known),
            _ => known.to_owned(),
        };
        self.nearest(key).map_or_else(
            || {
                "unknown key; remove it (docs/configuration.md lists the known ones, and so does `triggerfish config`)"
                    .to_owned()
            },
            |known| format!("unknown key; did you mean {}?", spelled(known)),
        )
    }

    fn nearest(&self, key: &str) -> Option<&str> {
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        let likeness = |known: &str| {
            let whole = strsim::jaro_winkler(key, known);
            let ends = strsim::jaro_winkler(&last(key), &last(known));
            // A right name in a wrong section counts nearly as much.
            whole.min(ends).max(ends * 0.9)
        };
        self.rows
            .iter()
            .map(|row| (row.key.as_str(), likeness(&row.key)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|(_, likeness)| *likeness >= ALIKE)
            .map(|(known, _)| known)
    }

    /// The variable that `name`, which is none of ours, was probably meant to be.
    /// Others are left alone: container platforms set `TRIGGERFISH_PORT` and the
    /// like for a service of that name.
    fn meant_by(&self, name: &str) -> Option<String> {
        let flat = |variable: &str| variable.replace(SEPARATOR, "_");
        self.rows
            .iter()
            .map(|row| variable_of(&row.key))
            .find(|variable| flat(variable) == flat(name))
            .or_else(|| {
                SHORT_NAMES
                    .iter()
                    .map(|(short, _)| *short)
                    .find(|short| strsim::levenshtein(name, short) <= 2)
                    .map(str::to_owned)
            })
    }
}

/// The environment variable of a key.
pub(super) fn variable_of(key: &str) -> String {
    if let Some((short, _)) = SHORT_NAMES.iter().find(|(_, known)| *known == key) {
        return (*short).to_owned();
    }
    format!("{PREFIX}{}", key.replace('.', SEPARATOR).to_uppercase())
}
