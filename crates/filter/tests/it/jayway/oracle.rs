//! The Java process that answers for the library.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::generate::Case;

/// What the library says to a case.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Invalid,
    Valid { definite: bool, kind: Kind },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Value(Value),
    NotFound,
    Soft,
    Hard,
}

impl Answer {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Valid {
                kind: Kind::Value(_),
                ..
            } => "value",
            Self::Valid {
                kind: Kind::NotFound,
                ..
            } => "not-found",
            Self::Valid {
                kind: Kind::Soft, ..
            } => "soft",
            Self::Valid {
                kind: Kind::Hard, ..
            } => "hard",
        }
    }

    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let [definite, kind, result] = fields[..] else {
            assert_eq!(line, "invalid", "the oracle said something else");
            return Self::Invalid;
        };
        let kind = match kind {
            "value" => {
                let json = STANDARD.decode(result).expect("base64");
                Kind::Value(serde_json::from_slice(&json).expect("the oracle writes JSON"))
            }
            "not-found" => Kind::NotFound,
            "soft" => Kind::Soft,
            _ => Kind::Hard,
        };
        Self::Valid {
            definite: definite == "true",
            kind,
        }
    }
}

pub(super) struct Oracle {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts it, fetching its jars once into the target folder. None when that is not possible.
    #[expect(clippy::print_stderr, reason = "a skipped comparison has to be seen")]
    pub(super) fn start() -> Option<Self> {
        match Self::try_start() {
            Ok(oracle) => Some(oracle),
            Err(reason) => {
                assert!(
                    env::var("CI").as_deref() != Ok("true"),
                    "the comparison with Jayway needs Java 17 and Maven: {reason}"
                );
                eprintln!(
                    "\n!!! SKIPPED: comparison with Jayway itself, for want of Java 17 and Maven: {reason}\n"
                );
                None
            }
        }
    }

    fn try_start() -> Result<Self, String> {
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/jayway");
        let jars = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jayway-oracle");
        if !jars.join("json-path-3.0.0.jar").exists() {
            fetch(&source.join("pom.xml"), &jars)?;
        }
        let mut process = Command::new("java")
            .args(["-Xss4m", "-cp"])
            .arg(jars.join("*"))
            .arg(source.join("Oracle.java"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("java: {error}"))?;
        let questions = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("no output")?);
        let mut oracle = Self {
            process,
            questions,
            answers,
        };
        let probe = Case {
            path: "$".to_owned(),
            document: Value::from("x"),
        };
        oracle
            .try_ask(&[probe])
            .map_err(|error| format!("java: {error}"))?;
        Ok(oracle)
    }

    /// Asks many at once; answers come in the same order.
    pub(super) fn ask(&mut self, cases: &[Case]) -> Vec<Answer> {
        self.try_ask(cases).expect("the oracle answers")
    }

    fn try_ask(&mut self, cases: &[Case]) -> Result<Vec<Answer>, String> {
        let mut text = String::new();
        for case in cases {
            let document = STANDARD.encode(case.document.to_string());
            text.extend([&STANDARD.encode(&case.path), "\t", &document, "\n"]);
        }
        // Written from a thread of its own: both sides may fill their pipe.
        let mut questions = self.questions.take().ok_or("the oracle is gone")?;
        let writer = thread::spawn(move || {
            let written = questions
                .write_all(text.as_bytes())
                .and_then(|()| questions.flush());
            written.map(|()| questions)
        });
        let mut answers = Vec::with_capacity(cases.len());
        for case in cases {
            let mut line = String::new();
            let read = self
                .answers
                .read_line(&mut line)
                .map_err(|error| error.to_string())?;
            if read == 0 {
                return Err(format!("it ended at {}", case.path));
            }
            answers.push(Answer::parse(line.trim_end_matches(['\r', '\n'])));
        }
        let questions = writer.join().map_err(|_| "the writer panicked")?;
        self.questions = Some(questions.map_err(|error| error.to_string())?);
        Ok(answers)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lets Maven copy the jars that `pom.xml` names, so that a part of them never looks like all.
fn fetch(pom: &Path, jars: &Path) -> Result<(), String> {
    let unfinished = jars.with_extension(format!("{}", std::process::id()));
    let output = Command::new("mvn")
        .args(["-q", "-B", "-f"])
        .arg(pom)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", unfinished.display()))
        .output()
        .map_err(|error| format!("mvn: {error}"))?;
    if !output.status.success() {
        return Err(format!("mvn: {}", String::from_utf8_lossy(&output.stdout)));
    }
    match fs::rename(&unfinished, jars) {
        // Another run may have been faster.
        Err(error) if !jars.is_dir() => Err(format!("{}: {error}", jars.display())),
        _ => Ok(()),
    }
}
