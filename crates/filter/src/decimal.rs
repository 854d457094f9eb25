//! Exact decimals as Java's `BigDecimal` reads, prints and compares them.

use std::cmp::Ordering;

/// `digits` x 10^-`scale`. The digits have no leading zero, except for zero itself.
#[derive(Debug, Clone)]
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    scale: i64,
}

impl Decimal {
    /// Reads `[sign] digits [. digits] [e [sign] digits]`; at least one digit, no blanks.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0 {
            return None;
        }
        let mut digits = Vec::with_capacity(whole.len() + fraction.len());
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return None;
            }
            digits.push(digit);
        }
        let scale = i64::try_from(fraction.len()).ok()? - exponent;
        i32::try_from(scale).ok()?;
        Some(Self::new(negative, digits, scale))
    }

    fn new(negative: bool, mut digits: Vec<u8>, scale: i64) -> Self {
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..zeros.min(digits.len() - 1));
        let negative = negative && digits != b"0";
        Self {
            negative,
            digits,
            scale,
        }
    }

    /// The decimal that Java makes of a double by way of its text.
    pub(crate) fn from_double(double: f64) -> Self {
        let (negative, digits, exponent) = shortest(double);
        let fraction = i64::try_from(digits.len()).unwrap_or(i64::MAX) - 1;
        let scale = fraction - exponent;
        // Java's text has at least one digit behind the point of whatever form it takes.
        let padding = if plain_range(double) {
            1 - scale
        } else {
            1 - fraction
        };
        let mut digits = digits.into_bytes();
        let padding = padding.max(0);
        digits.extend((0..padding).map(|_| b'0'));
        Self::new(negative, digits, scale + padding)
    }

    pub(crate) fn from_integer(integer: i128) -> Self {
        let digits = integer.unsigned_abs().to_string().into_bytes();
        Self::new(integer < 0, digits, 0)
    }

    fn is_zero(&self) -> bool {
        self.digits == b"0"
    }

    /// The nearest double; for a first, cheap comparison.
    pub(crate) fn nearest(&self) -> f64 {
        self.to_text().parse().unwrap_or(f64::NAN)
    }

    /// The value, when it is a whole number that fits.
    pub(crate) fn whole(&self) -> Option<i128> {
        if self.is_zero() {
            return Some(0);
        }
        let fraction = usize::try_from(self.scale.max(0)).ok()?;
        let kept = self.digits.len().checked_sub(fraction)?;
        if kept == 0 || self.digits[kept..].iter().any(|digit| *digit != b'0') {
            return None;
        }
        let exponent = u32::try_from((-self.scale).max(0)).ok()?;
        let digits = std::str::from_utf8(&self.digits[..kept]).ok()?;
        let magnitude = digits
            .parse::<i128>()
            .ok()?
            .checked_mul(10_i128.checked_pow(exponent)?)?;
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// The whole part as a 32-bit integer that wraps around, like Java's `intValue`.
    pub(crate) fn wrapping_i32(&self) -> i32 {
        let length = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let kept = usize::try_from((length - self.scale.max(0)).max(0)).unwrap_or(0);
        let mut value = 0_i32;
        for digit in &self.digits[..kept.min(self.digits.len())] {
            value = value
                .wrapping_mul(10)
                .wrapping_add(i32::from(*digit - b'0'));
        }
        // 10^32 is a multiple of 2^32.
        for _ in 0..(-self.scale).clamp(0, 32) {
            value = value.wrapping_mul(10);
        }
        if self.negative {
            value.wrapping_neg()
        } else {
            value
        }
    }

    /// The text Java prints: plain while the exponent is small, else with `E`.
    pub(crate) fn to_text(&self) -> String {
        let digits: String = self.digits.iter().map(|digit| char::from(*digit)).collect();
        let sign = if self.negative { "-" } else { "" };
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let adjusted = length - 1 - self.scale;
        if self.scale == 0 {
            return format!("{sign}{digits}");
        }
        if self.scale > 0 && adjusted >= -6 {
            if length > self.scale {
                let point = usize::try_from(length - self.scale).unwrap_or(0);
                return format!("{sign}{}.{}", &digits[..point], &digits[point..]);
            }
            let zeros = usize::try_from(self.scale - length).unwrap_or(0);
            return format!("{sign}0.{}{digits}", "0".repeat(zeros));
        }
        let point = if digits.len() > 1 { "." } else { "" };
        let exponent = if adjusted == 0 {
            String::new()
        } else {
            format!("E{adjusted:+}")
        };
        format!("{sign}{}{point}{}{exponent}", &digits[..1], &digits[1..])
    }

    /// Compares by value: `1.0` and `1` are the same.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => {
                return if other.negative {
                    Ordering::Greater
                } else {
                    Ordering::Less
                };
            }
            (false, true) => {
                return if self.negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                };
            }
            (false, false) => {}
        }
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
        }
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        let leading = |one: &Self| i64::try_from(one.digits.len()).unwrap_or(i64::MAX) - one.scale;
        leading(self).cmp(&leading(other)).then_with(|| {
            let length = self.digits.len().max(other.digits.len());
            let digit = |one: &Self, at: usize| one.digits.get(at).copied().unwrap_or(b'0');
            (0..length)
                .map(|at| digit(self, at).cmp(&digit(other, at)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        })
    }
}

/// The text of a double as Java prints it: `1.5`, `100.0`, `1.0E10`.
pub(crate) fn double_text(double: f64) -> String {
    if plain_range(double) {
        return format!("{double:?}");
    }
    let (negative, digits, exponent) = shortest(double);
    let sign = if negative { "-" } else { "" };
    let fraction = if digits.len() > 1 { &digits[1..] } else { "0" };
    if digits == "0" {
        return format!("{sign}0.0");
    }
    format!("{sign}{}.{fraction}E{exponent}", &digits[..1])
}

fn plain_range(double: f64) -> bool {
    (1e-3..1e7).contains(&double.abs()) || double == 0.0
}

/// Sign, shortest digits and decimal exponent of the first digit.
fn shortest(double: f64) -> (bool, String, i64) {
    let text = format!("{:e}", double.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.replace('.', "");
    (
        double.is_sign_negative(),
        digits,
        exponent.parse().unwrap_or(0),
    )
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let significant = digits.trim_start_matches('0');
    if digits.is_empty() || significant.len() > 10 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let magnitude: i64 = if significant.is_empty() {
        0
    } else {
        significant.parse().ok()?
    };
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_like_java() {
        for (text, printed) in [
            ("1", "1"),
            ("-007", "-7"),
            ("1.50", "1.50"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1E10", "1E+10"),
            ("1.0E10", "1.0E+10"),
            ("1.0E-5", "0.000010"),
            ("1e-7", "1E-7"),
            ("-0", "0"),
            ("0.0000001", "1E-7"),
            ("12e-1", "1.2"),
        ] {
            assert_eq!(
                Decimal::parse(text).map(|d| d.to_text()).as_deref(),
                Some(printed),
                "{text}"
            );
        }
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1 ",
            "0x1",
            "1e99999999999",
            "--1",
            "1.2.3",
        ] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn doubles_go_by_way_of_their_java_text() {
        for (double, text, decimal) in [
            (1.5, "1.5", "1.5"),
            (100.0, "100.0", "100.0"),
            (1e10, "1.0E10", "1.0E+10"),
            (1e-5, "1.0E-5", "0.000010"),
            (1.25e-9, "1.25E-9", "1.25E-9"),
            (1e7, "1.0E7", "1.0E+7"),
            (9_999_999.0, "9999999.0", "9999999.0"),
            (-0.001, "-0.001", "-0.001"),
            (0.0, "0.0", "0.0"),
        ] {
            assert_eq!(double_text(double), text);
            assert_eq!(Decimal::from_double(double).to_text(), decimal, "{double}");
        }
    }

    #[test]
    fn compares_by_value() {
        let parse = |text: &str| Decimal::parse(text).expect("a decimal");
        for (less, more) in [
            ("1", "2"),
            ("-2", "-1"),
            ("-1", "0"),
            ("0", "1e-9999"),
            ("9.99", "10"),
            ("9007199254740992", "9007199254740993"),
            ("1e2147483000", "1e2147483001"),
        ] {
            assert_eq!(
                parse(less).compare(&parse(more)),
                Ordering::Less,
                "{less} {more}"
            );
            assert_eq!(
                parse(more).compare(&parse(less)),
                Ordering::Greater,
                "{less} {more}"
            );
        }
        assert_eq!(parse("1.0").compare(&parse("1")), Ordering::Equal);
        assert_eq!(parse("100").compare(&parse("1e2")), Ordering::Equal);
        assert_eq!(parse("0.000").compare(&parse("-0")), Ordering::Equal);
    }

    #[test]
    fn whole_and_wrapping() {
        let parse = |text: &str| Decimal::parse(text).expect("a decimal");
        assert_eq!(parse("12.00").whole(), Some(12));
        assert_eq!(parse("-1e3").whole(), Some(-1000));
        assert_eq!(parse("0.5").whole(), None);
        assert_eq!(parse("1e99").whole(), None);
        assert_eq!(parse("2.9").wrapping_i32(), 2);
        assert_eq!(parse("-2.9").wrapping_i32(), -2);
        assert_eq!(parse("4294967297").wrapping_i32(), 1);
        assert_eq!(parse("1e40").wrapping_i32(), 0);
        assert_eq!(parse("0.001").wrapping_i32(), 0);
    }
}
