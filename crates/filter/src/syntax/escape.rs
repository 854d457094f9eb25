//! Backslash escapes of names, string literals and list elements.

use std::borrow::Cow;

/// Undoes backslash escapes: `\b \f \n \r \t \uXXXX`, any other `\c` is `c`. A last lone
/// backslash stays, a truncated `\u` vanishes; `None` when something else than four hexadecimal
/// digits follows `\u`. A surrogate without its other half becomes U+FFFD.
pub(crate) fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text.encode_utf16();
    while let Some(unit) = rest.next() {
        if unit != u16::from(b'\\') {
            units.push(unit);
            continue;
        }
        let Some(escaped) = rest.next() else {
            units.push(unit);
            break;
        };
        match u8::try_from(escaped) {
            Ok(b'u') => {
                let digits: Vec<u16> = rest.by_ref().take(4).collect();
                if digits.len() == 4 {
                    units.push(hexadecimal(&digits)?);
                }
            }
            Ok(letter) => units.push(u16::from(control(letter).unwrap_or(letter))),
            Err(_) => units.push(escaped),
        }
    }
    Some(Cow::Owned(String::from_utf16_lossy(&units)))
}

/// The control character that a letter after a backslash stands for.
pub(crate) fn control(letter: u8) -> Option<u8> {
    match letter {
        b'b' => Some(8),
        b't' => Some(b'\t'),
        b'n' => Some(b'\n'),
        b'f' => Some(12),
        b'r' => Some(b'\r'),
        _ => None,
    }
}

fn hexadecimal(digits: &[u16]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |value, digit| {
        let digit = char::from(u8::try_from(*digit).ok()?).to_digit(16)?;
        Some((value << 4) | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn undoes_escapes() {
        for (text, plain) in [
            ("plain", Some("plain")),
            (r"a\'b\\c\/", Some("a'b\\c/")),
            (r"\t\n\r\b\f\q", Some("\t\n\r\u{8}\u{c}q")),
            (r"\u0041\u00e9", Some("Aé")),
            (r"\ud83d\ude00", Some("😀")),
            (r"\ud83d!", Some("\u{fffd}!")),
            (r"end\", Some("end\\")),
            (r"cut\u12", Some("cut")),
            (r"bad\u12x4", None),
            (r"\😀", Some("😀")),
        ] {
            assert_eq!(unescape(text).as_deref(), plain, "{text}");
        }
    }
}
