//! The scheduler against a naive model, over real views.

mod cases;
mod random;
mod reports;
mod world;
