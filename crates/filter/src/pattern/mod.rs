//! Regular expressions in Java's flavour, matched against a whole text.
//!
//! `translate` turns Java's syntax into one that means the same to the engine or refuses it. What
//! needs no backtracking is matched in time linear in the text; the rest under a backtrack limit.

mod class;
mod escape;
mod property;
mod repetition;
mod translate;

use fancy_regex::RegexBuilder;

use crate::limits::Limits;

/// Bytes one compiled engine may take.
const ENGINE_BYTES_MAX: usize = 4 << 20;

/// A compiled regular expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// None when only the syntax was checked.
    engine: Option<fancy_regex::Regex>,
    size: usize,
    backtracks: bool,
}

/// The backtrack limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GaveUp;

impl Pattern {
    /// Compiles a Java pattern with Java's flag letters and takes its size off `size_left`.
    pub(crate) fn compile(
        source: &str,
        flags: &str,
        limits: &Limits,
        size_left: &mut usize,
        build: bool,
    ) -> Result<Self, String> {
        let translated = translate::translate(source, flags, *size_left, limits.nesting_max)?;
        *size_left -= translated.size.min(*size_left);
        let mut pattern = Self {
            engine: None,
            size: translated.size,
            backtracks: translated.backtracks,
        };
        if build {
            let engine = RegexBuilder::new(&format!(r"\A(?:{})\z", translated.text))
                .backtrack_limit(limits.backtracks_max)
                .delegate_size_limit(ENGINE_BYTES_MAX)
                .max_prog_size(limits.regex_size_max.saturating_mul(8))
                .build()
                .map_err(|error| format!("this regular expression is not supported: {error}"))?;
            pattern.engine = Some(engine);
        }
        Ok(pattern)
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> Result<bool, GaveUp> {
        match &self.engine {
            Some(engine) => engine.is_match(text).map_err(|_| GaveUp),
            None => Ok(false),
        }
    }

    /// Units of work that one match against a text of this many bytes is charged.
    pub(crate) fn cost(&self, bytes: usize, limits: &Limits) -> u64 {
        let product =
            |a: usize, b: usize, per: u64| (a as u64).saturating_mul(b as u64).saturating_div(per);
        let linear = product(bytes, self.size, 256) + 1;
        if self.backtracks {
            // A backtrack can look through the text once.
            linear + product(limits.backtracks_max, bytes + 64, 2500)
        } else {
            linear
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use crate::limits::Limits;

    fn compile(source: &str, flags: &str) -> Result<Pattern, String> {
        let limits = Limits::default();
        Pattern::compile(
            source,
            flags,
            &limits,
            &mut limits.regex_size_max.clone(),
            true,
        )
    }

    #[test]
    fn means_what_java_means() {
        for (source, flags, text, matches) in [
            ("abc", "", "abc", true),
            ("ab", "", "abc", false),
            ("a|abc", "", "abc", true),
            (r"\d+", "", "٣", false),
            (r"\d+", "U", "٣", true),
            ("k", "i", "K", true),
            ("k", "i", "\u{212a}", false),
            ("k", "iu", "\u{212a}", true),
            ("ä", "i", "Ä", false),
            ("ä", "iu", "Ä", true),
            ("[a-c]+", "i", "aBC", true),
            ("(?i)a(?-i)b", "", "Ab", true),
            ("(?i:a)b", "", "AB", false),
            (".", "", "\u{85}", false),
            (".", "d", "\r", true),
            (".", "s", "\n", true),
            ("a$", "", "a", true),
            ("a$", "", "a\n", false),
            ("(?s)a$.", "", "a\n", true),
            ("(?s)a.^b", "m", "a\nb", true),
            ("(?s)a.^b", "", "a\nb", false),
            (r"a b # comment", "x", "ab", true),
            (r"[a b]", "x", " ", false),
            (r"\Qa.b\E+", "", "a.bb", true),
            (r"[\Q]\E]", "", "]", true),
            ("a++b", "", "aab", true),
            ("a++ab", "", "aab", false),
            (r"(.)\1", "", "xx", true),
            (r"(?<n>.)\k<n>", "", "xx", true),
            ("(?=.*[0-9]).*", "", "ab1", true),
            ("(?!.*x).*", "", "ab1", true),
            ("(?<!a)b", "", "b", true),
            ("[a-z&&[^b]]", "", "b", false),
            ("[a-z&&[^b]]", "", "c", true),
            ("[^a[b]]", "", "b", false),
            ("[]a]", "", "]", true),
            (r"\p{Lu}\p{IsLatin}\p{Alpha}", "", "Éab", true),
            (r"\p{Lower}", "", "é", false),
            (r"\x41\u0042\0103\x{44}", "", "ABCD", true),
            (r"a\/b", "", "a/b", true),
            (r"\R", "", "\r\n", true),
            (r"\h\v", "", "\u{a0}\n", true),
            ("a{2}b{1,}c{0,2}", "", "aabcc", true),
            ("x{0}", "", "", true),
            (r"a\b.*", "", "a b", true),
            ("()", "", "", true),
        ] {
            let pattern = compile(source, flags).expect(source);
            assert_eq!(
                pattern.matches(text),
                Ok(matches),
                "/{source}/{flags} on {text:?}"
            );
        }
    }

    #[test]
    fn refuses_what_java_refuses_or_the_engine_cannot_do() {
        for source in [
            "(",
            ")",
            "[",
            "[a",
            "*",
            "a**",
            "a{",
            "a{2",
            "a{3,2}",
            r"\",
            r"\y",
            r"\p{Nope}",
            "[z-a]",
            "(?<=a*)b",
            "(?P<n>a)",
            "(?#c)",
            r"\k<n>",
            r"\1(a)",
            "(?<n>a)(?<n>b)",
            "a{2}{3}",
            r"\X",
            "(?",
            "(?<",
            r"\x{110000}",
            r"\ud800",
            "(?q)",
            r"\p{InGreek}",
            r"\b{g}",
        ] {
            assert!(compile(source, "").is_err(), "{source}");
        }
    }

    #[test]
    fn size_and_backtracking_are_bounded() {
        assert!(compile("((a{100}){100}){100}", "").is_err());
        assert!(compile(&"(".repeat(1000), "").is_err());
        assert!(compile(&"[".repeat(1000), "").is_err());
        let evil = format!("{}b", "a".repeat(200));
        assert_eq!(
            compile("(a+)+", "").expect("valid").matches(&evil),
            Ok(false)
        );
        let pattern = compile(r"(a|aa)+\1c", "").expect("valid");
        assert!(pattern.matches(&evil).is_err());
    }
}
