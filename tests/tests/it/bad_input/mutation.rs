//! Makes a good request bad, in one of many ways.

use reqwest::Method;
use serde_json::{Value, json};
use triggerfish_tests::Random;

use super::Request;

/// One or two faults in a copy of the request.
pub(super) fn of(request: &Request, random: &mut Random) -> Request {
    let mut bad = request.clone();
    for _ in 0..=random.below(2) {
        match random.below(10) {
            0..=3 => body_value(&mut bad, random),
            4 | 5 => body_bytes(&mut bad, random),
            6 => path(&mut bad, random),
            7 => query(&mut bad, random),
            8 => headers(&mut bad, random),
            _ => method(&mut bad, random),
        }
    }
    bad
}

/// Another value somewhere in the JSON.
fn body_value(bad: &mut Request, random: &mut Random) {
    let Ok(mut json) = serde_json::from_slice::<Value>(&bad.body) else {
        return body_bytes(bad, random);
    };
    let place = descend(&mut json, random);
    *place = odd_value(random);
    bad.body = json.to_string().into_bytes();
}

/// Somewhere in the value: itself, or what is below it.
fn descend<'v>(value: &'v mut Value, random: &mut Random) -> &'v mut Value {
    let below = match value {
        Value::Object(fields) => fields.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if below == 0 || random.below(5) == 0 {
        return value;
    }
    let index = usize::try_from(random.below(below as u64)).expect("small");
    let next = match value {
        Value::Object(fields) => fields.values_mut().nth(index),
        Value::Array(items) => items.get_mut(index),
        _ => None,
    };
    descend(next.expect("the index is below the length"), random)
}

fn odd_value(random: &mut Random) -> Value {
    let texts = [
        "",
        " ",
        "\u{0}",
        "ünï😀",
        "null",
        "-1",
        "P1Y",
        "PT-1S",
        "PT99999999999999H",
        "$[?(",
        "$..[*]",
        "$[?(@.a =~ /((a+)+)+$/)]",
        "http://",
        "http://[::1]:80/",
        "file:///etc/passwd",
        "ftp://a/b",
        "http://user:pw@127.0.0.1/",
        "2026-13-45T99:99:99Z",
        "../../etc",
        "HTTP",
        "SYNC",
        "\\u0000",
    ];
    match random.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e308),
        4 => json!(u64::MAX),
        5 => json!([]),
        6 => json!({}),
        7 => json!("x".repeat(5_000)),
        8 => json!([[[[[[[[[[1]]]]]]]]]]),
        9 => json!({"$ref": "#", "type": ["x"], "pattern": "(", "minLength": -3}),
        _ => json!(random.pick(&texts)),
    }
}

/// Other bytes.
fn body_bytes(bad: &mut Request, random: &mut Random) {
    let place = |random: &mut Random, length: usize| {
        usize::try_from(random.below(length.max(1) as u64)).expect("small")
    };
    match random.below(9) {
        0 => bad.body.truncate(place(random, bad.body.len())),
        1 => bad.body.clear(),
        2 => bad.body = vec![0xff; 100],
        3 => bad.body = vec![b'['; 90_000],
        4 => {
            bad.body =
                format!("{{\"a\":{}1{}}}", "[".repeat(3_000), "]".repeat(3_000)).into_bytes();
        }
        5 => bad.body = vec![b' '; 200_000],
        6 => bad.body.extend_from_slice(b"{}"),
        _ => {
            for _ in 0..=random.below(4) {
                let index = place(random, bad.body.len());
                if let Some(byte) = bad.body.get_mut(index) {
                    *byte = u8::try_from(random.below(256)).expect("a byte");
                }
            }
        }
    }
}

fn path(bad: &mut Request, random: &mut Random) {
    let odd = [
        "",
        "%00",
        "%ff%fe",
        "..%2f..%2f",
        "%F0%9F%98%80",
        "a%20b",
        "%22%27%3B--",
        "00000000-0000-0000-0000-000000000000",
    ];
    let long = "a".repeat(3_000);
    let new = if random.below(8) == 0 {
        &*long
    } else {
        *random.pick(&odd)
    };
    let mut segments: Vec<&str> = bad.path.split('/').collect();
    let count = segments.len() as u64;
    match random.below(3) {
        0 => segments.push(new),
        1 => {
            segments.pop();
        }
        _ => {
            let index = usize::try_from(random.below(count)).expect("small");
            segments[index] = new;
        }
    }
    let joined = segments.join("/");
    bad.path = format!("/{}", joined.trim_start_matches('/'));
}

fn query(bad: &mut Request, random: &mut Random) {
    let odd = [
        "limit=-1",
        "limit=99999999999999999999",
        "limit=251",
        "limit=x",
        "offset=-5",
        "offset=18446744073709551615",
        "count=perhaps",
        "sorters=",
        "sorters=,,-",
        "sorters=nothing",
        "filters=",
        "filters=id",
        "filters=id%20eq",
        "filters=(((((((",
        "filters=id%20eq%20%22",
        "filters=not%20not%20not%20id%20pr",
        "filters=id%20in%20()",
        "filters=%ff",
        "limit=1&limit=2",
        "%",
        "=&=&",
        "filters=created%20gt%20never",
        "from=zz",
        "from=end&limit=0",
        "wait=-1",
        "&&&",
    ];
    let nested = format!("filters={}id%20pr{}", "(".repeat(2_000), ")".repeat(2_000));
    let new = if random.below(10) == 0 {
        &*nested
    } else {
        *random.pick(&odd)
    };
    if !bad.query.is_empty() && random.below(2) == 0 {
        bad.query.push('&');
        bad.query.push_str(new);
    } else {
        new.clone_into(&mut bad.query);
    }
}

fn headers(bad: &mut Request, random: &mut Random) {
    let odd = [
        ("content-type", "text/plain"),
        ("content-type", ""),
        ("content-type", "application/json; charset=\"\\"),
        ("content-type", "multipart/form-data; boundary="),
        ("content-type", "application/cloudevents-batch+json"),
        ("content-encoding", "gzip"),
        ("triggerfish-depth", "99999999999"),
        ("triggerfish-depth", "-1"),
        ("traceparent", "00-zz-zz-zz"),
        ("idempotency-key", ""),
        ("idempotency-key", "ü"),
        ("ce-id", "\u{7f}"),
        ("accept", "nothing/at-all"),
        ("expect", "the unexpected"),
    ];
    let (name, value) = random.pick(&odd);
    if *name == "content-type" {
        bad.headers.clear();
    }
    bad.headers.push(((*name).to_owned(), (*value).to_owned()));
}

fn method(bad: &mut Request, random: &mut Random) {
    let others = [
        Method::GET,
        Method::PUT,
        Method::PATCH,
        Method::POST,
        Method::OPTIONS,
    ];
    bad.method = random.pick(&others).clone();
}
