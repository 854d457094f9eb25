//! Every function counts on the metric that it is named after.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{Method, Request},
    middleware::from_fn,
    routing::get,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use triggerfish_core::{
    Ignored, Mode, Origin, TriggerType,
    invariant::{Invariant, Violation},
};
use triggerfish_ops::{
    metrics::{self, Exporter, FilterVerdict, specs},
    violation,
};

/// The value of one time series.
fn value(exporter: &Exporter, series: &str) -> f64 {
    let text = exporter.render();
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no {series} in {text}"))
        .parse()
        .unwrap()
}

/// Where `act` made `series` grow by `by`. The recorder is shared by all tests of
/// this process, so each series is counted on by one test only.
fn grows(exporter: &Exporter, series: &str, by: f64, act: impl FnOnce()) {
    let before = value(exporter, series);
    act();
    let grown = value(exporter, series) - before;
    assert!((grown - by).abs() < 1e-9, "{series} grew by {grown}");
}

#[test]
fn counters_count_under_their_labels() {
    let exporter = metrics::install().unwrap();
    let check = |series: &str, act: fn()| grows(&exporter, series, 1.0, act);
    check(
        r#"triggerfish_invocations_requested_total{trigger_type="FIRE_AND_FORGET",origin="TEST"}"#,
        || metrics::invocation_requested(TriggerType::FireAndForget, Origin::Test),
    );
    check(
        r#"triggerfish_observations_applied_total{kind="requested"}"#,
        || {
            metrics::observation_applied("requested");
        },
    );
    check(
        r#"triggerfish_observations_ignored_total{reason="already_closed"}"#,
        || {
            metrics::observation_ignored(Ignored::AlreadyClosed);
        },
    );
    check(r#"triggerfish_attempts_total{class="timeout"}"#, || {
        metrics::attempt("timeout", Duration::from_secs(10));
    });
    check(r#"triggerfish_attempts_total{class="other"}"#, || {
        metrics::attempt("never heard of", Duration::ZERO);
    });
    check(
        r#"triggerfish_completions_emitted_total{outcome="EXPIRED"}"#,
        || {
            metrics::completion_emitted("EXPIRED", Mode::Async, Duration::from_secs(5));
        },
    );
    check(r#"triggerfish_view_wipes_total{reason="damaged"}"#, || {
        metrics::view_wiped("damaged");
    });
    check(
        r#"triggerfish_dead_letters_total{reason="unreadable"}"#,
        || {
            metrics::dead_letter("unreadable");
        },
    );
    check(
        r#"triggerfish_filter_evaluations_total{verdict="failed"}"#,
        || {
            metrics::filter_evaluated(FilterVerdict::Failed);
        },
    );
    check(r#"triggerfish_invariant_violations_total{id="I3"}"#, || {
        let violation = Violation {
            invariant: Invariant::RebuildEqualsLive,
            detail: "they differ".to_owned(),
        };
        let reported = std::panic::catch_unwind(|| violation::report(&violation));
        assert_eq!(reported.is_err(), cfg!(debug_assertions));
    });
}

#[test]
fn gauges_stand_where_they_were_put() {
    let exporter = metrics::install().unwrap();
    metrics::calls(3, 40, 2);
    metrics::partition_lag("workers", 7, 12_000);
    for (series, expected) in [
        ("triggerfish_calls_in_flight", 3.0),
        ("triggerfish_calls_queued", 40.0),
        ("triggerfish_breaker_open", 2.0),
        (
            r#"triggerfish_partition_lag_records{group="workers",partition="7"}"#,
            12_000.0,
        ),
    ] {
        assert!(
            (value(&exporter, series) - expected).abs() < 1e-9,
            "{series}"
        );
    }
    metrics::partition_lag("workers", 7, 0);
    assert!(
        value(
            &exporter,
            r#"triggerfish_partition_lag_records{group="workers",partition="7"}"#
        )
        .abs()
            < 1e-9
    );
}

#[test]
fn durations_fall_into_buckets() {
    let exporter = metrics::install().unwrap();
    metrics::completion_emitted("COMPLETED", Mode::Dynamic, Duration::from_millis(7));
    metrics::commit_took(Duration::from_millis(3));
    metrics::restore_took(Duration::from_mins(2));
    metrics::log_append_took(Duration::from_micros(300));
    metrics::peer_call("answered", Duration::from_micros(900));
    for (series, expected) in [
        (
            r#"triggerfish_invocation_duration_seconds_bucket{mode="DYNAMIC",le="0.005"}"#,
            0.0,
        ),
        (
            r#"triggerfish_invocation_duration_seconds_bucket{mode="DYNAMIC",le="0.01"}"#,
            1.0,
        ),
        (
            r#"triggerfish_invocation_duration_seconds_count{mode="DYNAMIC"}"#,
            1.0,
        ),
        (
            r#"triggerfish_commit_duration_seconds_bucket{le="0.005"}"#,
            1.0,
        ),
        (
            r#"triggerfish_restore_duration_seconds_bucket{le="300"}"#,
            1.0,
        ),
        (
            r#"triggerfish_log_append_duration_seconds_bucket{le="0.0005"}"#,
            1.0,
        ),
        (r#"triggerfish_peer_calls_total{result="answered"}"#, 1.0),
        (
            r#"triggerfish_peer_call_duration_seconds_bucket{le="0.001"}"#,
            1.0,
        ),
    ] {
        assert!(
            (value(&exporter, series) - expected).abs() < 1e-9,
            "{series}"
        );
    }
}

#[test]
fn every_metric_is_described() {
    let exporter = metrics::install().unwrap();
    metrics::partition_lag("workers", 0, 0);
    let text = exporter.render();
    for spec in specs::ALL {
        // Those of HTTP appear with the first request.
        if !spec.name.contains("_http_") {
            assert!(
                text.contains(&format!("# HELP {} {}", spec.name, spec.meaning)),
                "{}",
                spec.name
            );
        }
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_and_not_by_path() {
    let exporter = metrics::install().unwrap();
    let router = Router::new()
        .route("/things/{id}", get(async || "here"))
        .layer(from_fn(metrics::track_http));
    for (method, path) in [
        (Method::GET, "/things/1"),
        (Method::GET, "/things/2"),
        (Method::from_bytes(b"BREW").unwrap(), "/things/3"),
        (Method::GET, "/nowhere/4"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        router.clone().oneshot(request).await.unwrap();
    }
    for (series, expected) in [
        (
            r#"triggerfish_http_requests_total{route="/things/{id}",method="GET",status="200"}"#,
            2.0,
        ),
        (
            r#"triggerfish_http_requests_total{route="/things/{id}",method="other",status="405"}"#,
            1.0,
        ),
        (
            r#"triggerfish_http_requests_total{route="unmatched",method="GET",status="404"}"#,
            1.0,
        ),
        (
            r#"triggerfish_http_request_duration_seconds_count{route="/things/{id}"}"#,
            3.0,
        ),
    ] {
        assert!(
            (value(&exporter, series) - expected).abs() < 1e-9,
            "{series}"
        );
    }
    assert!(!exporter.render().contains("nowhere"));
}

#[tokio::test(start_paused = true)]
async fn upkeep_ends_with_its_token() {
    let token = CancellationToken::new();
    let upkeep = tokio::spawn(metrics::install().unwrap().upkeep(token.clone()));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!upkeep.is_finished());
    token.cancel();
    upkeep.await.unwrap();
}
