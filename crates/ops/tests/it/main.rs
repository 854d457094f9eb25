//! Whole processes: this binary runs itself as the process under test.
