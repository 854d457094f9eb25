//! Properties and tables of the fold.

mod action_properties;
mod fold_properties;
mod fold_tables;
