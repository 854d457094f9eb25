//! The files of the console, compiled in, and the headers that they are served with.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use triggerfish_core::keys::hmac;

use crate::sign_in::refusal;

/// One file.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($content_type:ident: $($path:literal),+;)+) => {
        &[$($(Asset {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../ui/", $path)),
        }),+),+]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const INDEX: &str = "index.html";

const ASSETS: &[Asset] = assets! {
    HTML: "index.html";
    SVG: "icon.svg";
    CSS: "style.css", "parts.css";
    JS: "app.js", "api.js", "chart.js", "data.js", "dialog.js", "dom.js", "format.js", "forms.js",
        "live.js", "pages.js", "routes.js", "session.js", "shell.js", "table.js",
        "pages/activity.js", "pages/callback.js", "pages/callback_form.js", "pages/callbacks.js",
        "pages/dead_letters.js", "pages/invocation.js", "pages/object_types.js", "pages/overview.js", "pages/sign_in.js",
        "pages/subscription.js", "pages/subscription_form.js", "pages/subscriptions.js",
        "pages/triggers.js", "pages/workers.js";
};

/// Changes with the files, so that a browser never mixes two versions.
static ETAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let etag = |asset: &Asset| {
        let digest = hmac(b"etag", &[asset.bytes]);
        let number = digest[..8]
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        format!("\"{number:016x}\"")
    };
    ASSETS.iter().map(etag).collect()
});

/// What the pages may do: run our own scripts and styles, ask our own API, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

const SECURITY: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The page; all views of the console are in it.
pub(crate) async fn index(headers: HeaderMap) -> Response {
    file(INDEX, &headers)
}

/// A file of the page.
pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers)
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let found = ASSETS
        .iter()
        .zip(ETAGS.iter())
        .find(|(asset, _)| asset.path == path);
    let Some((asset, etag)) = found else {
        return refusal(StatusCode::NOT_FOUND, "the console has no such file");
    };
    // Asked for again at each load, and answered with 304 while it is the same.
    let kept = [
        (header::ETAG, etag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    if is_known(headers, etag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let kind = [(header::CONTENT_TYPE, asset.content_type)];
    (kept, kind, asset.bytes).into_response()
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag == etag || tag == "*")
}

/// Adds what makes the pages safe; what nobody said may be kept is not.
pub(crate) async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.extend(SECURITY);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn files(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                files(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name);
            }
        }
    }

    #[test]
    fn every_file_is_served_and_is_short() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
        let mut found = BTreeSet::new();
        files(&folder, "", &mut found);
        let served: BTreeSet<String> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
        assert_eq!(served, found);
        for asset in ASSETS {
            let lines = asset.bytes.split(|byte| *byte == b'\n').count();
            assert!(lines <= 500, "{} has {lines} lines; split it", asset.path);
        }
    }

    #[test]
    fn nothing_in_the_pages_needs_a_looser_policy() {
        // Put together, so that this file does not hold them.
        let loose = [
            "inner.HTML",
            "outer.HTML",
            "insertAdjacent.HTML",
            "ev.al(",
            "document.wri.te",
        ];
        let loose = loose.map(|mark| mark.replacen('.', "", 1));
        for asset in ASSETS.iter().filter(|asset| asset.content_type != SVG) {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            for mark in &loose {
                assert!(!text.contains(mark.as_str()), "{} has {mark}", asset.path);
            }
        }
    }
}
