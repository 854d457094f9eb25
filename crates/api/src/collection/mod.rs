//! Collection parameters of all lists: `limit`, `offset`, `count`, `filters`,
//! `sorters` (reference 2.3).
//!
//! A list declares its [`Field`]s once; parsing, evaluating and refusing follow
//! from that. Start with [`params`].

pub(crate) mod field;
pub(crate) mod filter;
mod lexer;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod sorter;

pub(crate) use field::{Field, Value};
pub(crate) use page::Page;
pub(crate) use params::{CollectionParams, Query};
