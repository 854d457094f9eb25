//! From the text of an expression to its tree.
//!
//! The grammar is positional: what a character means depends on where the scan stands, not on
//! tokens. `path` reads steps, `arguments` the arguments of calls, `filter` what stands in
//! `[?( )]`. Start at [`Compiler::compile`].

mod arguments;
mod cursor;
pub(crate) mod escape;
mod filter;
mod path;
pub(crate) mod tree;

pub(crate) use path::Compiler;
