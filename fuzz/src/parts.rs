//! How one input is made into what a target needs.

/// The first line and what follows it, for targets of text.
pub(crate) fn lines(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    end.map_or((input, &[]), |end| (&input[..end], &input[end + 1..]))
}

/// Two pieces, the first with its length in two bytes before it.
pub(crate) fn pieces(input: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = input.split_first_chunk() else {
        return (&[], &[]);
    };
    rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()))
}

/// What [`pieces`] takes apart.
pub(crate) fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
    let length = u16::try_from(first.len()).expect("seeds are short");
    [&length.to_be_bytes(), first, second].concat()
}

/// Lines of `name: value` up to an empty one, then a body.
pub(crate) fn message(input: &[u8]) -> (Vec<(&str, &[u8])>, &[u8]) {
    let (mut headers, mut rest) = (Vec::new(), input);
    loop {
        let (line, after) = lines(rest);
        rest = after;
        if line.is_empty() {
            return (headers, rest);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        if let Ok(name) = std::str::from_utf8(name) {
            headers.push((name, value.get(2..).unwrap_or_default()));
        }
    }
}
