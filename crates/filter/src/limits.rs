//! Bounds that keep an expression or a document from taking the service down.

/// Bounds on compiling and evaluating. The defaults suit filters that people write and keep the
/// worst evaluation around a second even for expressions made to be slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest expression that is compiled, in bytes. Default 16 KiB.
    pub expression_bytes_max: usize,
    /// How deep groups, negations, filters in filters and function arguments may be nested in
    /// an expression. Default 48.
    pub nesting_max: usize,
    /// Size of all regular expressions of one expression together, counted in atoms after
    /// counted repetitions are written out. Default 10,000.
    pub regex_size_max: usize,
    /// Units of work for one evaluation: about one for a node visited, an element compared or
    /// some dozens of bytes read. Default 500,000.
    pub work_max: u64,
    /// Levels of the document and of the expression that one evaluation may be inside of at
    /// once. It bounds the stack. Default 400; `serde_json` itself reads 128 levels.
    pub depth_max: usize,
    /// Backtracks of one match of a regular expression that has lookaround, backreferences or
    /// possessive parts; others never backtrack. Each such match is charged to the work as if it
    /// used all of them. Default 10,000.
    pub backtracks_max: usize,
}

impl Limits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self = Self {
        expression_bytes_max: 16 * 1024,
        nesting_max: 48,
        regex_size_max: 10_000,
        work_max: 500_000,
        depth_max: 400,
        backtracks_max: 10_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
