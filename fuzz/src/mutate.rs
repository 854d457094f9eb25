//! Changes inputs, as those who mistake a format change them, and at random.

/// Numbers that follow from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `SplitMix64`.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a usize has at most 64 bits");
        usize::try_from(self.roll() % end.max(1)).expect("smaller than a usize")
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

const LENGTH_MAX: usize = 16 * 1024;

/// Lengths and numbers at the ends of their ranges.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    0x7FFF_FFFF_FFFF_FFFF,
    0xFFFF_FFFF_FFFF_FFFE,
    0xFFFF_FFFF_FFFF_FFFF,
    1_700_000_000_000_000,
];

/// Changes `input` once to four times. `other` is another input, of which parts may be taken,
/// `tokens` are words of the format.
pub(crate) fn mutate(dice: &mut Dice, input: &mut Vec<u8>, other: &[u8], tokens: &[&str]) {
    for _ in 0..=dice.below(4) {
        change(dice, input, other, tokens);
    }
    input.truncate(LENGTH_MAX);
}

fn change(dice: &mut Dice, input: &mut Vec<u8>, other: &[u8], tokens: &[&str]) {
    // Heads say what follows.
    let head = if dice.below(3) == 0 { 32 } else { usize::MAX };
    let at = dice.below(input.len().min(head));
    match dice.below(10) {
        0 => flip(dice, input, at),
        1 => remove(dice, input, at),
        2 => repeat(dice, input, at),
        3 => number(dice, input, at),
        4 => varint(dice, input, at),
        5 => splice(dice, input, at, other),
        6 => input.truncate(at),
        7 => input.insert(at, dice.roll().to_le_bytes()[0]),
        _ => token(dice, input, at, tokens),
    }
}

fn flip(dice: &mut Dice, input: &mut [u8], at: usize) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << dice.below(8);
    }
}

fn remove(dice: &mut Dice, input: &mut Vec<u8>, at: usize) {
    let end = (at + 1 + dice.below(16)).min(input.len());
    input.drain(at.min(end)..end);
}

/// A field that comes twice, or very often.
fn repeat(dice: &mut Dice, input: &mut Vec<u8>, at: usize) {
    let end = (at + 1 + dice.below(64)).min(input.len());
    let part = input[at.min(end)..end].to_vec();
    let often = [1, 1, 1, 2, 9, 200];
    for _ in 0..*dice.pick(&often).expect("not empty") {
        input.splice(at..at, part.iter().copied());
    }
}

/// A length or another number of fixed width, in either order of bytes.
fn number(dice: &mut Dice, input: &mut [u8], at: usize) {
    let width = [1, 2, 4, 8][dice.below(4)];
    let Some(place) = input.get_mut(at..at + width) else {
        return;
    };
    let number = *dice.pick(&NUMBERS).expect("not empty");
    if dice.below(2) == 0 {
        place.copy_from_slice(&number.to_be_bytes()[8 - width..]);
    } else {
        place.copy_from_slice(&number.to_le_bytes()[..width]);
    }
    place[width - 1] = place[width - 1].wrapping_sub(u8::from(dice.below(4) == 0));
}

/// A number as protobuf writes lengths.
fn varint(dice: &mut Dice, input: &mut Vec<u8>, at: usize) {
    let mut number = *dice.pick(&NUMBERS).expect("not empty");
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    let replaced = dice.below(2).min(input.len() - at);
    input.splice(at..at + replaced, bytes);
}

fn splice(dice: &mut Dice, input: &mut Vec<u8>, at: usize, other: &[u8]) {
    let from = dice.below(other.len());
    let part = &other[from..(from + 1 + dice.below(other.len())).min(other.len())];
    if dice.below(2) == 0 {
        input.truncate(at);
    }
    input.splice(at..at, part.iter().copied());
}

/// A word of the format, in place of as much or between two bytes.
fn token(dice: &mut Dice, input: &mut Vec<u8>, at: usize, tokens: &[&str]) {
    let Some(token) = dice.pick(tokens) else {
        return flip(dice, input, at);
    };
    let replaced = if dice.below(2) == 0 { token.len() } else { 0 };
    let end = (at + replaced).min(input.len());
    input.splice(at.min(end)..end, token.bytes());
}
