//! Integration tests: the measured vectors, bounds, and the library itself where Java is there.

mod bounds;
mod jayway;
mod vectors;
