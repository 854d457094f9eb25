//! The lenient JSON of list and object literals and of function arguments: json-smart's
//! permissive mode, in which bare words are strings and extra commas do no harm.

use serde_json::{Map, Number, Value};

use crate::syntax::escape::control;

/// Deeper lists and objects are refused. The library has the same kind of bound.
const DEPTH_MAX: usize = 100;

/// The text is not even lenient JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads one value. What follows it is ignored.
pub(crate) fn parse(text: &str) -> Result<Value, Malformed> {
    let mut reader = Reader {
        text,
        position: 0,
        depth: 0,
    };
    reader.value(&[])
}

struct Reader<'t> {
    text: &'t str,
    position: usize,
    depth: usize,
}

impl Reader<'_> {
    fn current(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.current(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.position += 1;
        }
    }

    /// A value that a bare word may be; `stop` ends the word.
    fn value(&mut self, stop: &[u8]) -> Result<Value, Malformed> {
        self.skip_blanks();
        match self.current() {
            None | Some(b':' | b'}' | b']') => Err(Malformed),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(quote @ (b'"' | b'\'')) => self.string(quote).map(Value::String),
            Some(b'0'..=b'9' | b'-') => self.number(stop),
            Some(_) => match self.word(self.position, stop) {
                "null" => Ok(Value::Null),
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                "NaN" => Err(Malformed),
                word => Ok(Value::String(word.to_owned())),
            },
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value, Malformed>,
    ) -> Result<Value, Malformed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Malformed);
        }
        self.position += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Result<Value, Malformed> {
        let mut elements = Vec::new();
        loop {
            self.skip_blanks();
            match self.current() {
                Some(b']') => {
                    self.position += 1;
                    return Ok(Value::Array(elements));
                }
                Some(b',') => self.position += 1,
                _ => elements.push(self.value(b",]")?),
            }
        }
    }

    fn object(&mut self) -> Result<Value, Malformed> {
        let mut members = Map::new();
        let mut separated = true;
        loop {
            self.skip_blanks();
            match self.current() {
                None | Some(b':' | b']' | b'[' | b'{') => return Err(Malformed),
                Some(b'}') => {
                    self.position += 1;
                    return Ok(Value::Object(members));
                }
                Some(b',') => {
                    self.position += 1;
                    separated = true;
                }
                Some(_) if !separated => return Err(Malformed),
                Some(first) => {
                    let name = match first {
                        b'"' | b'\'' => self.string(first)?,
                        _ => self.word(self.position, b":").to_owned(),
                    };
                    self.skip_blanks();
                    if self.current() != Some(b':') {
                        return Err(Malformed);
                    }
                    self.position += 1;
                    let value = self.value(b",}")?;
                    members.insert(name, value);
                    separated = false;
                }
            }
        }
    }

    /// The text from `start` up to a byte of `stop` or the end, trimmed.
    fn word(&mut self, start: usize, stop: &[u8]) -> &str {
        while self.current().is_some_and(|byte| !stop.contains(&byte)) {
            self.position += 1;
        }
        self.text[start..self.position].trim()
    }

    fn digits(&mut self) {
        while matches!(self.current(), Some(b'0'..=b'9')) {
            self.position += 1;
        }
    }

    fn number(&mut self, stop: &[u8]) -> Result<Value, Malformed> {
        let start = self.position;
        self.position += 1;
        self.digits();
        let mut whole = true;
        if self.current() == Some(b'.') {
            whole = false;
            self.position += 1;
            self.digits();
        }
        if matches!(self.current(), Some(b'e' | b'E')) {
            whole = false;
            self.position += 1;
            if !matches!(self.current(), Some(b'+' | b'-' | b'0'..=b'9')) {
                return Ok(Value::String(self.word(start, stop).to_owned()));
            }
            self.position += 1;
            self.digits();
        }
        let end = self.position;
        self.skip_blanks();
        // Only a character below 126 makes a word of what began as a number.
        if self
            .current()
            .is_some_and(|byte| byte < 126 && !stop.contains(&byte))
        {
            return Ok(Value::String(self.word(start, stop).to_owned()));
        }
        if whole {
            integer(&self.text[start..end])
        } else {
            double(&self.text[start..end])
        }
    }

    fn string(&mut self, quote: u8) -> Result<String, Malformed> {
        let start = self.position + 1;
        let rest = &self.text.as_bytes()[start..];
        let length = rest
            .iter()
            .position(|byte| *byte == quote)
            .ok_or(Malformed)?;
        if !rest[..length].contains(&b'\\') {
            self.position = start + length + 1;
            return Ok(self.text[start..start + length].to_owned());
        }
        self.position = start;
        let mut units: Vec<u16> = Vec::new();
        let mut pending = start;
        // Control characters vanish from a string that has an escape.
        let flush = |units: &mut Vec<u16>, text: &str| {
            units.extend(
                text.encode_utf16()
                    .filter(|unit| *unit >= 0x20 && *unit != 0x7f),
            );
        };
        while let Some(byte) = self.current() {
            if byte == quote || byte == b'\\' {
                flush(&mut units, &self.text[pending..self.position]);
                self.position += 1;
                if byte == quote {
                    return Ok(String::from_utf16_lossy(&units));
                }
                self.escape(&mut units)?;
                pending = self.position;
            } else {
                self.position += 1;
            }
        }
        Err(Malformed)
    }

    /// What follows a backslash. An unknown letter vanishes together with it.
    fn escape(&mut self, units: &mut Vec<u16>) -> Result<(), Malformed> {
        let rest = &self.text[self.position..];
        let letter = rest.chars().next().ok_or(Malformed)?;
        self.position += letter.len_utf8();
        let digits = match letter {
            'u' => 4,
            'x' => 2,
            '\\' | '/' | '\'' | '"' => {
                units.extend(u16::try_from(u32::from(letter)));
                return Ok(());
            }
            _ => {
                let byte = u8::try_from(letter).ok().and_then(control);
                units.extend(byte.map(u16::from));
                return Ok(());
            }
        };
        let text = self
            .text
            .get(self.position..self.position + digits)
            .ok_or(Malformed)?;
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Malformed);
        }
        units.push(u16::from_str_radix(text, 16).map_err(|_| Malformed)?);
        self.position += digits;
        Ok(())
    }
}

fn integer(text: &str) -> Result<Value, Malformed> {
    if text == "-" {
        return Ok(Value::from(0));
    }
    if let Ok(small) = text.parse::<i64>() {
        return Ok(Value::from(small));
    }
    text.parse::<u64>()
        .map(Value::from)
        .or_else(|_| double(text))
}

fn double(text: &str) -> Result<Value, Malformed> {
    let double: f64 = text.parse().map_err(|_| Malformed)?;
    Number::from_f64(double).map(Value::Number).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn reads_what_the_library_reads() {
        for (text, value) in [
            ("[a]", json!(["a"])),
            ("[a b , 'c']", json!(["a b", "c"])),
            ("[,1,,2,]", json!([1, 2])),
            ("[07, +7, 7., .7e1, -0]", json!([7, "+7", 7.0, ".7e1", 0])),
            (
                "{a:1, 'b' : [true,null,false,], \"c\":{}}",
                json!({"a":1,"b":[true,null,false],"c":{}}),
            ),
            (r#"["\x41\u00e9\q!"]"#, json!(["Aé!"])),
            ("['say \"hi\"']", json!(["say \"hi\""])),
            ("\"x\" tail", json!("x")),
            ("[1 2]", json!(["1 2"])),
            ("[1e]", json!(["1e"])),
            ("[1é]", json!([1, "é"])),
            ("{a:1 b:2}", json!({"a": "1 b:2"})),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
        for text in [
            "",
            "[",
            "[a",
            "{a}",
            "{a:{} b:2}",
            "[:]",
            "{:1}",
            "['a]",
            "{[1]:2}",
            "[\"\\u12\"]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
