//! The protocol holds within the limits; without any one of its rules it does not.

mod holds;
mod without_a_rule;
