//! Looks for secrets where nobody may see them (I8).

use std::collections::BTreeSet;

use triggerfish_core::{invariant::Invariant, keys::ServerKeys};
use triggerfish_log::Record;

use super::Checks;
use crate::cast::CREDENTIAL;

/// Length of a secret, which looks like a UUID, and where its hyphens are.
const SECRET: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Checks {
    /// Looks through lines of the log, `metrics` and records.
    pub(crate) fn look_for_secrets(
        &self,
        keys: &ServerKeys,
        lines: &[String],
        metrics: &str,
        records: &[Record],
    ) {
        let secrets = self.ids().into_iter().map(|id| keys.invocation_secret(id));
        let secrets: BTreeSet<String> = secrets.map(|secret| secret.expose().to_owned()).collect();
        for line in lines {
            self.look("a log line", line, &secrets);
        }
        self.look("the metrics", metrics, &secrets);
        for record in records {
            let place = format!("{}/{}@{}", record.topic, record.partition, record.offset);
            let headers = record.headers.iter().map(|(_, value)| value);
            let parts = record.key.iter().chain(&record.value).chain(headers);
            for part in parts {
                self.look(&place, &String::from_utf8_lossy(part), &secrets);
            }
        }
    }

    fn look(&self, place: &str, text: &str, secrets: &BTreeSet<String>) {
        let found = text.contains(CREDENTIAL) || holds_one_of(text, secrets);
        if found {
            let detail = format!("{place} holds a secret: {text}");
            self.report(Invariant::SecretsStayInside, detail);
        }
    }
}

fn holds_one_of(text: &str, secrets: &BTreeSet<String>) -> bool {
    let bytes = text.as_bytes();
    let is_hyphen = |at: usize| bytes.get(at) == Some(&b'-');
    (0..bytes.len().saturating_sub(SECRET - 1)).any(|start| {
        HYPHENS.iter().all(|hyphen| is_hyphen(start + hyphen))
            && text
                .get(start..start + SECRET)
                .is_some_and(|part| secrets.contains(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_anywhere_in_a_text() {
        let secret = "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned();
        let secrets = BTreeSet::from([secret.clone()]);
        assert!(holds_one_of(&secret, &secrets));
        assert!(holds_one_of(
            &format!("before-{secret}-ünd after"),
            &secrets
        ));
        assert!(!holds_one_of(&secret[1..], &secrets));
        assert!(!holds_one_of("", &secrets));
    }
}
