//! Properties and tables of the fold.

mod fold_properties;
mod fold_tables;
