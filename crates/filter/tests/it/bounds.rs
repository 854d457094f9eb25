//! Nothing from outside may hang, overflow or panic: not an expression, not a document.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use serde_json::{Value, json};
use triggerfish_filter::{EvaluateError, Limits, Path, Verdict};

use crate::vectors;

/// Far above what any of these takes, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    let taken = start.elapsed();
    assert!(taken < PATIENCE, "{what} took {taken:?}");
    result
}

/// Expressions made to be slow or deep, in a length of some thousand bytes and of a megabyte.
fn adversarial() -> Vec<(&'static str, String)> {
    let mut expressions = Vec::new();
    for length in [5_000, 1_000_000] {
        let half = length / 2;
        expressions.extend([
            ("open parentheses", "(".repeat(length)),
            (
                "filter of open parentheses",
                format!("$[?({}", "(".repeat(length)),
            ),
            (
                "closed groups",
                format!("$[?({}@.a{})]", "(".repeat(half), ")".repeat(half)),
            ),
            ("negations", format!("$[?({}(@.a))]", "!".repeat(length))),
            (
                "filters in filters",
                format!("${}@{}", "[?(@.a".repeat(half / 3), ")]".repeat(half / 3)),
            ),
            ("brackets", format!("${}", "[".repeat(length))),
            ("open quotes", format!("$['{}", "'\\".repeat(half))),
            (
                "calls in calls",
                format!("$.a({}{})", "$.a(".repeat(half / 3), ")".repeat(half / 3)),
            ),
            ("empty calls", format!("$[?(@{} == 1)]", "()".repeat(half))),
            (
                "tests without blanks",
                format!("$[?({}(@.a))]", "(@.a)&&".repeat(length / 7)),
            ),
            (
                "strings in brackets",
                format!("${}", "['a']".repeat(length / 5)),
            ),
            ("blanks", format!("$[?(@.a{}== 1)]", " ".repeat(length))),
            ("names", format!("${}", ".a".repeat(half))),
            ("indexes", format!("$[{}0]", "0,".repeat(half))),
            ("digits", format!("$[?(@.a == {})]", "9".repeat(length))),
            (
                "exponents",
                format!("$[?(@.a == 1e{})]", "9".repeat(length)),
            ),
            (
                "list",
                format!("$[?(@.a in {}{})]", "[".repeat(half), "]".repeat(half)),
            ),
            (
                "groups in a pattern",
                format!("$[?(@.a =~ /{}{}/)]", "(".repeat(half), ")".repeat(half)),
            ),
            (
                "classes in a pattern",
                format!("$[?(@.a =~ /{}a{}/)]", "[".repeat(half), "]".repeat(half)),
            ),
            (
                "repetitions",
                format!("$[?(@.a =~ /{}/)]", "a{1000}".repeat(length / 7)),
            ),
            (
                "ends of line",
                format!("$[?(@.a =~ /{}/)]", "$".repeat(length)),
            ),
            (
                "alternatives",
                format!("$[?(@.a =~ /{}/)]", "(a|".repeat(half / 2)),
            ),
        ]);
        expressions.push(("tests", format!("$[?({})]", tests(length))));
    }
    expressions
}

/// Comparisons joined to the given length.
fn tests(length: usize) -> String {
    let mut tests = String::from("@.a == 1");
    while tests.len() < length {
        write!(tests, " && @.a != {}", tests.len()).expect("a string");
    }
    tests
}

#[test]
fn adversarial_expressions_are_answered_in_time() {
    let document = json!({ "a": { "a": [1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!", { "a": null }] } });
    for (what, expression) in adversarial() {
        timed(what, || match Path::compile(&expression) {
            Ok(path) => {
                assert!(
                    expression.len() <= Limits::DEFAULT.expression_bytes_max,
                    "{what}"
                );
                let _ = path.matches(&document);
            }
            Err(error) => assert!(error.position <= expression.len(), "{what}: {error}"),
        });
    }
}

#[test]
fn every_compile_limit_is_an_error_that_names_it() {
    for (expression, told) in [
        ("a".repeat(20_000), "longer than 16384 bytes"),
        (
            format!("$[?({}(@.a))]", "!".repeat(100)),
            "nested more than 48 levels",
        ),
        (
            "$[?(@.a =~ /((a{100}){100}){100}/)]".to_owned(),
            "too large",
        ),
        (
            format!("$[?(@.a =~ /{}{}/)]", "(".repeat(100), ")".repeat(100)),
            "nested too deep",
        ),
    ] {
        let error = Path::compile(&expression).expect_err(told);
        assert!(error.message.contains(told), "{error}");
    }
}

#[test]
fn patterns_of_large_classes_compile_in_time() {
    for pattern in [
        "/\\p{L}{580}/",
        "/\\w{500}/U",
        "/[\\w]{500}/U",
        "/(?i:[a-zà-ÿ]{900})/iu",
        "/.{9000}/",
        "/(?:\\w{9}|){50}/U",
    ] {
        let many = [pattern; 20]
            .map(|pattern| format!("@.a =~ {pattern}"))
            .join(" || ");
        let _ = timed(pattern, || Path::compile(&format!("$[?({many})]")));
        let _ = timed(pattern, || {
            Path::compile(&format!("$[?(@.a =~ {pattern})]"))
        });
    }
}

#[test]
fn a_path_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    shared(&Path::compile("$[?(@.a =~ /a/)]").expect("valid"));
}

#[test]
fn errors_point_into_the_expression() {
    for (expression, position) in [
        ("$.a b", 3),
        ("$[?(@.a == x)]", 11),
        ("a..", 3),
        ("$['a'", 5),
        ("$.x[?(@.a[?(@.b ! 1)])]", 16),
    ] {
        let error = Path::compile(expression).expect_err(expression);
        assert!(
            error.position.abs_diff(position) <= 2,
            "{expression}: {error:?}"
        );
    }
}

/// Lists in lists: `width` elements on each of `depth` levels.
fn tree(width: usize, depth: usize) -> Value {
    if depth == 0 {
        return json!({ "a": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" });
    }
    (0..width).map(|_| tree(width, depth - 1)).collect()
}

#[test]
fn slow_evaluations_stop_at_the_work_limit() {
    let document = tree(4, 6);
    let many: Value = (0..20_000)
        .map(|n| json!({ "a": n, "l": "x".repeat(50) }))
        .collect();
    for (path, document) in [
        ("$..*..*..*..*..*", &document),
        ("$..[*]..[*]..[*]..[?(@..a)]", &document),
        ("$..[?(@..a =~ /(a|aa)+\\1c/)]", &document),
        ("$[?($..a anyof $..l)]", &many),
        ("$[?($..a contains @.a)]", &many),
    ] {
        let path = Path::compile(path).expect("valid");
        let verdict = timed(path.as_str(), || path.matches(document));
        assert!(
            matches!(verdict, Verdict::Unevaluable(EvaluateError::Limit(_))),
            "{path}: {verdict:?}"
        );
    }
}

#[test]
fn a_pattern_that_backtracks_is_stopped_and_one_that_does_not_is_fast() {
    let document = json!({ "a": format!("{}b", "a".repeat(10_000)) });
    let matches = |pattern: &str| {
        let path = Path::compile(&format!("$[?(@.a =~ /{pattern}/)]")).expect(pattern);
        timed(pattern, || path.matches(&document))
    };
    assert_eq!(matches("(a+)+$"), Verdict::NoMatch);
    assert_eq!(matches("(a|aa)+b"), Verdict::Match);
    let verdict = matches(r"(a|aa)+\1c");
    assert!(
        matches!(verdict, Verdict::Unevaluable(EvaluateError::Limit(_))),
        "{verdict:?}"
    );
}

#[test]
fn deep_documents_stop_at_the_depth_limit() {
    let in_little_stack = || {
        let mut document = json!("bottom");
        for level in 0..5_000 {
            document = if level % 2 == 0 {
                Value::Object([("a".to_owned(), document)].into_iter().collect())
            } else {
                Value::Array(vec![document])
            };
        }
        let nested = "[?(@.b".repeat(8) + &")]".repeat(8);
        for path in [
            "$..b",
            "$..[0]..*",
            "$..[?(@..b)]",
            "$[?($ == $)]",
            "$[0]['a','b']",
            "$.append($)",
            "$.concat($)",
            &format!("$..{nested}..{nested}"),
        ] {
            let verdict = Path::compile(path).expect(path).matches(&document);
            let stopped = matches!(verdict, Verdict::Unevaluable(EvaluateError::Limit(_)));
            assert!(stopped, "{path}: {verdict:?}");
        }
        // Taken apart level by level, as dropping it whole would recurse.
        let mut rest = document;
        loop {
            rest = match rest {
                Value::Array(mut elements) => elements.remove(0),
                Value::Object(mut members) => members["a"].take(),
                _ => break,
            };
        }
    };
    let thread = std::thread::Builder::new()
        .stack_size(1_500_000)
        .spawn(in_little_stack);
    thread
        .expect("a thread")
        .join()
        .expect("no path overflows or panics");
}

#[test]
fn lists_of_texts_that_look_like_expressions_are_read_within_the_limits() {
    let texts = [
        format!("$[?({}", "(".repeat(10_000)),
        format!("[{}", "[".repeat(10_000) + "]"),
        "$".repeat(100_000),
        "$[?(@.a =~ /(a{1000}){1000}/)]".to_owned(),
    ];
    let document = json!({ "l": texts });
    let path = Path::compile("$[?(@.l contains 'x')]").expect("valid");
    let verdict = timed("texts", || path.matches(&document));
    assert!(!verdict.is_match());
}

#[test]
fn smaller_limits_are_kept() {
    let limits = Limits {
        work_max: 10,
        ..Limits::default()
    };
    let path = Path::compile("$..a").expect("valid");
    let few = json!({ "a": 1 });
    assert!(path.evaluate(&few, &limits).is_ok());
    let lists = json!([[[], []], [[], []], [[], []], [[], []]]);
    assert!(matches!(
        path.evaluate(&lists, &limits),
        Err(EvaluateError::Limit(_))
    ));
    assert!(
        Path::compile_within(
            "$.abc",
            &Limits {
                expression_bytes_max: 4,
                ..Limits::default()
            }
        )
        .is_err()
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c$@'\\[\\]{}\\\\u.0-9 é😀]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-d]", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Strings of what the grammar is made of, so that many of them compile.
fn expression() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "$",
        "@",
        ".",
        "..",
        "a",
        "b",
        "*",
        "[*]",
        "[0]",
        "[-1]",
        "[1:]",
        "['a']",
        "['a','b']",
        "[?(",
        ")]",
        "@.a",
        "@..b",
        "$.a",
        " == ",
        " != ",
        " in ",
        " contains ",
        " =~ ",
        " size ",
        " empty ",
        " anyof ",
        "[1,'a']",
        "{a:1}",
        "'a'",
        "1",
        "2.5e3",
        "null",
        "true",
        "/a+/i",
        "/(?=a)\\1/",
        " && ",
        " || ",
        "!",
        "(",
        ")",
        ".length()",
        ".sum($..a)",
        ".concat(\"x\")",
        ".index(1)",
        "\\",
        "'",
        "\"",
        "é",
        "😀",
        "\t",
        ",",
        "/",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        if let Err(error) = Path::compile(&text) {
            prop_assert!(error.position <= text.len());
        }
    }

    #[test]
    fn arbitrary_filters_on_arbitrary_documents_never_panic(
        path in expression(),
        filter in expression(),
        document in any_json(),
    ) {
        for text in [&path, &format!("${path}"), &format!("$[?({filter})]{path}"), &format!("$..[?(@.{filter})]")] {
            if let Ok(path) = Path::compile(text) {
                let verdict = path.matches(&document);
                let evaluated = path.evaluate(&document, &Limits::default());
                prop_assert_eq!(verdict.is_match(), evaluated.is_ok_and(|found| found.is_match()));
            }
        }
    }

    #[test]
    fn vectors_on_arbitrary_documents_never_panic(at in any::<prop::sample::Index>(), document in any_json()) {
        thread_local! {
            static VECTORS: Vec<vectors::Vector> = vectors::read().vectors;
        }
        VECTORS.with(|vectors| {
            if let Ok(path) = Path::compile(&vectors[at.index(vectors.len())].path) {
                let _ = path.matches(&document);
            }
        });
    }

    #[test]
    fn arbitrary_patterns_never_panic(pattern in r"[a-c(){}\[\]^$.*+?|\\dDwpPQEkRZu0-9<>=!:,i-]{0,30}", text in "[a-c0-9\n]{0,20}") {
        if let Ok(path) = Path::compile(&format!("$[?(@.a =~ /{pattern}/)]")) {
            let _ = path.matches(&json!({ "a": text }));
        }
    }
}
