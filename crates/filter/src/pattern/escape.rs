//! What follows a backslash, and literal characters.

use super::{
    property,
    translate::{Flags, Translator},
};

pub(super) const HORIZONTAL: &str =
    r"[ \t\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]";
pub(super) const VERTICAL: &str = r"[\n\x0b\x0c\r\x{85}\x{2028}\x{2029}]";

/// A character as the engine writes it, in or out of a class.
pub(super) fn plain(c: char) -> String {
    if c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric()) {
        c.to_string()
    } else {
        format!("\\x{{{:x}}}", u32::from(c))
    }
}

/// A character that is matched by itself or, on request, by its other case.
pub(super) fn literal(c: char, flags: Flags) -> String {
    if !flags.ignore_case {
        plain(c)
    } else if flags.unicode_case {
        format!("(?i:{})", plain(c))
    } else if c.is_ascii_alphabetic() {
        format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase())
    } else {
        plain(c)
    }
}

/// `\d`, `\w` and their kin as a class, None for other letters.
pub(super) fn predefined(letter: char, flags: Flags) -> Option<String> {
    let class = match (letter.to_ascii_lowercase(), flags.unicode_classes) {
        ('d', false) => "[0-9]",
        ('d', true) => r"\d",
        ('w', false) => "[a-zA-Z_0-9]",
        ('w', true) => r"\w",
        ('s', false) => r"[ \t\n\x0b\x0c\r]",
        ('s', true) => r"\s",
        ('h', _) => HORIZONTAL,
        ('v', _) => VERTICAL,
        _ => return None,
    };
    Some(if letter.is_ascii_lowercase() {
        class.to_owned()
    } else {
        format!("[^{class}]")
    })
}

/// An escape outside a class, behind its backslash.
pub(super) fn escape(translator: &mut Translator) -> Result<(), String> {
    let letter = translator
        .next()
        .ok_or("a backslash at the end of a regular expression")?;
    if let Some(class) = predefined(letter, translator.flags) {
        translator.grow(if translator.flags.unicode_classes {
            16
        } else {
            0
        })?;
        translator.out.push_str(&class);
        return Ok(());
    }
    match letter {
        'A' | 'G' => translator.out.push_str(r"\A"),
        'b' if translator.peek() == Some('{') => return Err(unsupported("\\b{")),
        'b' => translator.out.push_str(r"\b"),
        'B' => translator.out.push_str(r"\B"),
        'z' => translator.out.push_str(r"\z"),
        'Z' => translator.text_end(),
        'R' => translator
            .out
            .push_str(r"(?:\r\n|[\n\x0b\x0c\r\x{85}\x{2028}\x{2029}])"),
        'k' => {
            let name = if translator.eat("<") {
                translator.until('>')
            } else {
                None
            };
            let name = name.ok_or("a named reference is written \\k<name>")?;
            let number = translator.group_number(&name);
            reference(
                translator,
                number.ok_or("the named group does not come before")?,
            );
        }
        '1'..='9' => {
            let mut number = letter as usize - '0' as usize;
            while let Some(digit) = translator.peek().and_then(|c| c.to_digit(10)) {
                let longer = number * 10 + digit as usize;
                if longer > translator.group_count() {
                    break;
                }
                translator.next();
                number = longer;
            }
            reference(translator, number);
        }
        'p' | 'P' => {
            let class = property::property(translator, letter == 'P')?;
            translator.grow(16)?;
            translator.out.push_str(&class);
        }
        _ => {
            let c = character(translator, letter)?;
            translator.literal(c);
        }
    }
    Ok(())
}

fn unsupported(what: &str) -> String {
    format!("{what} in a regular expression is not supported")
}

/// A reference to a group that does not exist is allowed, and never matches.
fn reference(translator: &mut Translator, number: usize) {
    if number > translator.group_count() {
        translator.refers_ahead(number);
        translator.out.push_str(r"[^\s\S]");
        return;
    }
    translator.needs_backtracking();
    translator.has_no_length_limit();
    let flag = if translator.flags.ignore_case {
        "i"
    } else {
        ""
    };
    let text = format!("(?{flag}:\\{number})");
    translator.out.push_str(&text);
}

/// An escape that stands for one character, in or out of a class.
pub(super) fn character(translator: &mut Translator, letter: char) -> Result<char, String> {
    Ok(match letter {
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'f' => '\u{c}',
        'a' => '\u{7}',
        'e' => '\u{1b}',
        'c' => {
            let c = translator
                .next()
                .filter(char::is_ascii)
                .ok_or("\\c takes a letter")?;
            char::from(c as u8 ^ 64)
        }
        '0' => octal(translator)?,
        'x' if translator.eat("{") => {
            let digits = translator.until('}').ok_or("\\x{ is not closed")?;
            code_point(&digits)?
        }
        'x' => {
            let digits = take(translator, 2);
            code_point(&digits).and_then(|c| require(digits.len() == 2, c))?
        }
        'u' => utf16(translator)?,
        c if c.is_ascii_alphabetic() => return Err(unsupported(&format!("\\{c}"))),
        c => c,
    })
}

fn require(condition: bool, c: char) -> Result<char, String> {
    condition
        .then_some(c)
        .ok_or_else(|| "an escape has too few digits".to_owned())
}

fn take(translator: &mut Translator, count: usize) -> String {
    (0..count).map_while(|_| translator.next()).collect()
}

fn code_point(digits: &str) -> Result<char, String> {
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16)
        .ok()
        .filter(|_| hexadecimal)
        .and_then(char::from_u32)
        .ok_or_else(|| "an escape does not name a character".to_owned())
}

fn octal(translator: &mut Translator) -> Result<char, String> {
    let mut value = 0;
    for place in 0..3 {
        let digit = translator.peek().and_then(|c| c.to_digit(8));
        let Some(digit) = digit.filter(|digit| value * 8 + digit <= 0o377) else {
            return if place > 0 {
                code_point(&format!("{value:x}"))
            } else {
                Err(unsupported("\\0"))
            };
        };
        translator.next();
        value = value * 8 + digit;
    }
    code_point(&format!("{value:x}"))
}

/// `\uXXXX`, or two of them for a character beyond the basic plane.
fn utf16(translator: &mut Translator) -> Result<char, String> {
    let unit = |translator: &mut Translator| {
        let digits = take(translator, 4);
        u16::from_str_radix(&digits, 16)
            .ok()
            .filter(|_| digits.len() == 4)
    };
    let first = unit(translator).ok_or("\\u takes four hexadecimal digits")?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Ok(c);
    }
    let second = if translator.eat("\\u") {
        unit(translator)
    } else {
        None
    };
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    pair.ok_or_else(|| unsupported("half of a surrogate pair"))
}
