//! Round trips and the pinned format.

mod completion_record;
mod golden;
mod round_trip;
