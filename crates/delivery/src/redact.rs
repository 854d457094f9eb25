//! What a callback answered, without what only it and we may know.

use base64::{Engine, engine::general_purpose::STANDARD};
use triggerfish_core::{Excerpt, callback::ACTION_HEADER};

use crate::caller::Call;

const MASK: &str = "***";
/// Shorter texts are no secrets, and would be found everywhere.
const SECRET_CHARS_MIN: usize = 4;

/// The excerpt of an answer that began with `bytes`, with the credentials that went out with
/// the call masked: a receiver may well send back what it got.
pub(crate) fn excerpt(call: &Call<'_>, bytes: &[u8], truncated: bool) -> Excerpt {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for secret in secrets(call) {
        text = text.replace(&secret, MASK);
        if truncated {
            cut_beginning_of(&secret, &mut text);
        }
    }
    Excerpt {
        text: text.into(),
        truncated,
    }
}

/// A text that was cut may end in the middle of a secret.
fn cut_beginning_of(secret: &str, text: &mut String) {
    let beginnings = secret.char_indices().map(|(end, _)| end);
    let beginnings: Vec<usize> = beginnings.skip(SECRET_CHARS_MIN).collect();
    for end in beginnings.into_iter().rev() {
        if text.ends_with(&secret[..end]) {
            text.truncate(text.len() - end);
            text.push_str(MASK);
            return;
        }
    }
}

/// Everything secret that the call carries, the longest first.
fn secrets(call: &Call<'_>) -> Vec<String> {
    let mut secrets = Vec::new();
    if let Some(basic) = &call.http.basic_auth_config
        && let Some(password) = &basic.password
    {
        let pair = format!("{}:{}", basic.user_name, password.expose());
        secrets.push(STANDARD.encode(pair));
        secrets.push(password.expose().to_owned());
    }
    let bearer = call.http.bearer_token_auth_config.as_ref();
    let bearer = bearer.and_then(|config| config.bearer_token.as_ref());
    secrets.extend(bearer.map(|token| token.expose().to_owned()));
    secrets.extend(call.signing.iter().map(|secret| secret.expose().to_owned()));
    let headers = call.lifecycle.iter().flat_map(|own| own.headers);
    let headers = headers.filter(|(name, _)| !name.eq_ignore_ascii_case(ACTION_HEADER));
    secrets.extend(headers.map(|(_, value)| value.clone()));
    secrets.retain(|secret| secret.chars().count() > SECRET_CHARS_MIN);
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_cut_off_is_masked_as_far_as_it_goes() {
        let cut = |text: &str| {
            let mut text = text.to_owned();
            cut_beginning_of("correct-horse", &mut text);
            text
        };
        assert_eq!(cut("you sent correct-h"), "you sent ***");
        assert_eq!(cut("you sent corr"), "you sent ***");
        assert_eq!(cut("you sent cor"), "you sent cor");
        assert_eq!(cut("correct-horses"), "correct-horses");
    }
}
