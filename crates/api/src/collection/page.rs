//! One page of a list, as an answer.

use axum::{
    Json,
    http::{HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::params::Query;

/// The header with the number of all rows.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Rows, and how many there are in all if the client asked.
#[derive(Debug)]
pub(crate) struct Page<T> {
    rows: Vec<T>,
    total: Option<usize>,
}

impl<T> Query<T> {
    /// The page of `rows` that was asked for.
    pub(crate) fn page(&self, rows: impl IntoIterator<Item = T>) -> Page<T> {
        let mut rows: Vec<T> = rows
            .into_iter()
            .filter(|row| {
                self.filter
                    .as_ref()
                    .is_none_or(|filter| filter.matches(row))
            })
            .collect();
        if let Some(sorter) = &self.sorter {
            sorter.sort(&mut rows);
        }
        let total = rows.len();
        self.page_of(rows, total)
    }

    /// The page of `rows`, which are filtered and sorted, of `total` in all.
    pub(crate) fn page_of(&self, rows: Vec<T>, total: usize) -> Page<T> {
        Page {
            rows: rows
                .into_iter()
                .skip(self.offset)
                .take(self.limit)
                .collect(),
            total: self.count.then_some(total),
        }
    }
}

impl<T> Page<T> {
    /// The rows, to be completed.
    pub(crate) fn rows_mut(&mut self) -> &mut [T] {
        &mut self.rows
    }

    /// Turns every row into what clients see, if it is to be seen.
    pub(crate) fn filter_map<U>(self, show: impl FnMut(T) -> Option<U>) -> Page<U> {
        Page {
            rows: self.rows.into_iter().filter_map(show).collect(),
            total: self.total,
        }
    }

    /// Turns every row into what clients see.
    pub(crate) fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U> {
        Page {
            rows: self.rows.into_iter().map(show).collect(),
            total: self.total,
        }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.rows).into_response();
        if let Some(total) = self.total {
            response
                .headers_mut()
                .insert(TOTAL_COUNT, HeaderValue::from(total));
        }
        response
    }
}
