//! Bracketed character classes: unions, ranges and intersections.

use super::{escape, property, translate::Translator};

/// What a position in a class holds.
enum Item {
    One(char),
    Many(String),
}

/// A class behind its opening bracket, up to and with its closing one.
pub(super) fn class(translator: &mut Translator) -> Result<String, String> {
    let mut operands: Vec<String> = Vec::new();
    let mut union = String::new();
    let negated = translator.eat("^");
    loop {
        translator.skip_comments();
        let empty = union.is_empty() && operands.is_empty();
        if translator.eat("&&") {
            if union.is_empty() {
                return Err("&& in a class needs something on both sides".to_owned());
            }
            operands.push(std::mem::take(&mut union));
            continue;
        }
        match translator.peek() {
            None => return Err("the class is not closed".to_owned()),
            Some(']') if !empty => {
                translator.next();
                break;
            }
            Some('[') => {
                translator.next();
                union.push_str(&translator.nested(class)?);
            }
            Some(_) => range(translator, &mut union)?,
        }
    }
    if union.is_empty() {
        return Err("&& in a class needs something on both sides".to_owned());
    }
    operands.push(union);
    let sign = if negated { "^" } else { "" };
    // Each operand in brackets of its own: the engines differ in what && binds to.
    let inner = match operands.len() {
        1 => operands.remove(0),
        _ => operands
            .iter()
            .map(|operand| format!("[{operand}]"))
            .collect::<Vec<_>>()
            .join("&&"),
    };
    Ok(format!("[{sign}{inner}]"))
}

fn range(translator: &mut Translator, union: &mut String) -> Result<(), String> {
    translator.grow(1)?;
    let from = match item(translator)? {
        Item::One(from) => from,
        Item::Many(class) => {
            union.push_str(&class);
            return Ok(());
        }
    };
    translator.skip_comments();
    if translator.peek() != Some('-') {
        push(translator, union, from, from);
        return Ok(());
    }
    translator.next();
    translator.skip_comments();
    if matches!(translator.peek(), None | Some(']' | '[')) {
        push(translator, union, from, from);
        push(translator, union, '-', '-');
        return Ok(());
    }
    match item(translator)? {
        Item::One(to) if from <= to => push(translator, union, from, to),
        _ => return Err("a range in a class runs from a lower to a higher character".to_owned()),
    }
    Ok(())
}

/// Adds a range and, where case is ignored in ASCII only, the other case of its letters.
fn push(translator: &Translator, union: &mut String, from: char, to: char) {
    let mut add = |from: char, to: char| {
        union.push_str(&escape::plain(from));
        if from != to {
            union.push('-');
            union.push_str(&escape::plain(to));
        }
    };
    add(from, to);
    if translator.flags.ignore_case && !translator.flags.unicode_case {
        for (first, last) in [('a', 'z'), ('A', 'Z')] {
            let (low, high) = (from.max(first), to.min(last));
            if low <= high {
                let other = |c: char| char::from(c as u8 ^ 0x20);
                add(other(low), other(high));
            }
        }
    }
}

fn item(translator: &mut Translator) -> Result<Item, String> {
    let c = translator.next().ok_or("the class is not closed")?;
    if c != '\\' {
        return Ok(Item::One(c));
    }
    let letter = translator
        .next()
        .ok_or("a backslash at the end of a regular expression")?;
    if let Some(class) = escape::predefined(letter, translator.flags) {
        translator.grow(if translator.flags.unicode_classes {
            16
        } else {
            0
        })?;
        return Ok(Item::Many(class));
    }
    match letter {
        'p' | 'P' => {
            translator.grow(16)?;
            property::property(translator, letter == 'P').map(Item::Many)
        }
        _ => escape::character(translator, letter).map(Item::One),
    }
}
