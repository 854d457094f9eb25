//! `\p{...}`: POSIX classes, general categories, scripts and binary properties.

use super::translate::Translator;

/// A property behind `\p` or `\P`, as a class.
pub(super) fn property(translator: &mut Translator, negated: bool) -> Result<String, String> {
    let missing = "\\p takes a letter or a name in braces";
    let name = if translator.eat("{") {
        translator.until('}').ok_or(missing)?
    } else {
        translator.next().ok_or(missing)?.to_string()
    };
    let flags = translator.flags;
    let class = posix(&name, flags.unicode_classes, flags.ignore_case)
        .map_or_else(|| unicode(&name, flags.ignore_case), Ok)?;
    Ok(if negated {
        format!("[^{class}]")
    } else {
        class
    })
}

fn posix(name: &str, unicode: bool, ignore_case: bool) -> Option<String> {
    let (ascii, wide) = match name {
        "Lower" | "Upper" if ignore_case => ("a-zA-Z", r"\p{Lowercase}\p{Uppercase}\p{Lt}"),
        "Lower" => ("a-z", r"\p{Lowercase}"),
        "Upper" => ("A-Z", r"\p{Uppercase}"),
        "ASCII" => (r"\x00-\x7f", r"\x00-\x7f"),
        "Alpha" => ("a-zA-Z", r"\p{Alphabetic}"),
        "Digit" => ("0-9", r"\p{Nd}"),
        "Alnum" => ("a-zA-Z0-9", r"\p{Alphabetic}\p{Nd}"),
        "Punct" => (r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e", r"\p{P}"),
        "Graph" => (r"\x21-\x7e", r"[^\p{White_Space}\p{Cc}\p{Cs}\p{Cn}]"),
        "Print" => (r"\x20-\x7e", r"[^\p{White_Space}\p{Cc}\p{Cs}\p{Cn}]\p{Zs}"),
        "Blank" => (r"\x20\t", r"\p{Zs}\t"),
        "Cntrl" => (r"\x00-\x1f\x7f", r"\p{Cc}"),
        "XDigit" => ("0-9a-fA-F", r"\p{Nd}\p{Hex_Digit}"),
        "Space" => (r"\x20\t\n\x0b\x0c\r", r"\p{White_Space}"),
        _ => return None,
    };
    Some(format!("[{}]", if unicode { wide } else { ascii }))
}

/// Java's other names for what the engine knows as a category, script or property.
fn unicode(name: &str, ignore_case: bool) -> Result<String, String> {
    let refused = || format!("\\p{{{name}}} in a regular expression is not supported");
    let plain = |name: &str| {
        let letters =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        letters
            .then(|| format!(r"[\p{{{name}}}]"))
            .ok_or_else(refused)
    };
    if let Some((key, value)) = name.split_once('=') {
        return match key.to_ascii_lowercase().as_str() {
            "sc" | "script" => Ok(format!(r"[\p{{Script={value}}}]")),
            "gc" | "general_category" => category(value, ignore_case).ok_or_else(refused),
            _ => Err(refused()),
        };
    }
    if let Some(found) = category(name, ignore_case) {
        return Ok(found);
    }
    let Some(name) = name.strip_prefix("Is") else {
        return Err(refused());
    };
    if let Some(found) = category(name, ignore_case) {
        return Ok(found);
    }
    Ok(match name.to_ascii_lowercase().as_str() {
        "letter" => r"[\p{L}]".to_owned(),
        "digit" => r"[\p{Nd}]".to_owned(),
        "punctuation" => r"[\p{P}]".to_owned(),
        "control" => r"[\p{Cc}]".to_owned(),
        "titlecase" => r"[\p{Lt}]".to_owned(),
        "assigned" => r"[^\p{Cn}]".to_owned(),
        "lowercase" | "uppercase" if ignore_case => {
            r"[\p{Lowercase}\p{Uppercase}\p{Lt}]".to_owned()
        }
        _ => plain(name)?,
    })
}

fn category(name: &str, ignore_case: bool) -> Option<String> {
    Some(match name {
        "Lu" | "Ll" | "Lt" if ignore_case => r"[\p{Lu}\p{Ll}\p{Lt}]".to_owned(),
        "LC" => r"[\p{Lu}\p{Ll}\p{Lt}]".to_owned(),
        "LD" => r"[\p{L}\p{Nd}]".to_owned(),
        "L1" => r"[\x00-\x{ff}]".to_owned(),
        "C" | "Cc" | "Cf" | "Co" | "Cn" | "L" | "Lu" | "Ll" | "Lt" | "Lm" | "Lo" | "M" | "Mn"
        | "Mc" | "Me" | "N" | "Nd" | "Nl" | "No" | "P" | "Pc" | "Pd" | "Ps" | "Pe" | "Pi"
        | "Pf" | "Po" | "S" | "Sm" | "Sc" | "Sk" | "So" | "Z" | "Zs" | "Zl" | "Zp" => {
            format!(r"[\p{{{name}}}]")
        }
        _ => return None,
    })
}
