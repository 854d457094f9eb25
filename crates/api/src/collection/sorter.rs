//! The `sorters` parameter: fields, separated by commas, `-` in front for
//! descending.

use super::{
    field::{Comparable, Field},
    filter::cut,
};

/// Why a sorter was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field {field:?} can't be sorted by; use one of: {known}")]
pub(crate) struct UnknownSorter {
    field: String,
    known: String,
}

/// An order of the rows of a list.
#[derive(Debug)]
pub(crate) struct Sorter<T: 'static>(Vec<(&'static Field<T>, Direction)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

impl<T> Sorter<T> {
    /// Parses `text` against the fields of a list.
    pub(crate) fn parse(
        text: &str,
        fields: &'static [Field<T>],
    ) -> Result<Option<Self>, UnknownSorter> {
        let keys = text
            .split(',')
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(|key| {
                let (name, direction) = match key.strip_prefix('-') {
                    Some(name) => (name, Direction::Descending),
                    None => (key, Direction::Ascending),
                };
                field(name, fields).map(|field| (field, direction))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok((!keys.is_empty()).then_some(Self(keys)))
    }

    /// Sorts `rows`; equal ones keep their order. Missing values come first.
    pub(crate) fn sort(&self, rows: &mut [T]) {
        rows.sort_by_cached_key(|row| {
            self.0
                .iter()
                .map(|(field, direction)| Key {
                    value: field.kind.comparable(&(field.value)(row)),
                    direction: *direction,
                })
                .collect::<Vec<_>>()
        });
    }
}

#[derive(PartialEq, Eq)]
struct Key {
    value: Comparable,
    direction: Direction,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let ascending = self.value.cmp(&other.value);
        match self.direction {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn field<T>(name: &str, fields: &'static [Field<T>]) -> Result<&'static Field<T>, UnknownSorter> {
    let mut sortable = fields.iter().filter(|field| field.usage.sorts());
    sortable
        .clone()
        .find(|field| field.name == name)
        .ok_or_else(|| UnknownSorter {
            field: cut(name),
            known: sortable
                .by_ref()
                .map(|field| field.name)
                .collect::<Vec<_>>()
                .join(", "),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::field::{Kind, Usage};

    type Row = (&'static str, &'static str);

    static FIELDS: [Field<Row>; 3] = [
        Field {
            name: "a",
            kind: Kind::Text,
            usage: Usage::Sort,
            value: |row| row.0.into(),
        },
        Field {
            name: "b",
            kind: Kind::Text,
            usage: Usage::Both,
            value: |row| row.1.into(),
        },
        Field {
            name: "c",
            kind: Kind::Text,
            usage: Usage::Filter,
            value: |row| row.1.into(),
        },
    ];

    fn sorted(sorters: &str) -> Vec<Row> {
        let mut rows = vec![("x", "2"), ("Y", "1"), ("x", "1"), ("y", "3")];
        Sorter::parse(sorters, &FIELDS)
            .unwrap()
            .expect("not empty")
            .sort(&mut rows);
        rows
    }

    #[test]
    fn sorts_by_several_fields_in_both_directions() {
        assert_eq!(
            sorted("a,-b"),
            [("x", "2"), ("x", "1"), ("y", "3"), ("Y", "1")]
        );
        assert_eq!(
            sorted("-a, b"),
            [("Y", "1"), ("y", "3"), ("x", "1"), ("x", "2")]
        );
        assert_eq!(
            sorted("b"),
            [("Y", "1"), ("x", "1"), ("x", "2"), ("y", "3")]
        );
    }

    #[test]
    fn refuses_other_fields_by_name() {
        for bad in ["nope", "a,nope", "-nope", "c", "--a"] {
            let error = Sorter::parse(bad, &FIELDS).unwrap_err().to_string();
            assert!(error.ends_with("use one of: a, b"), "{error}");
        }
        assert!(Sorter::parse(" , ", &FIELDS).unwrap().is_none());
    }
}
