use crate::harness::{Api, encoded};

const PATH: &str = "/v2026/trigger-subscriptions";

#[tokio::test]
async fn pages_are_by_record_and_counted_on_demand() {
    let api = Api::with(|settings| settings.page_rows_max = 4).await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(
            api.subscribe("test:fire-and-forget", &format!("s{n}"))
                .await,
        );
    }
    let last = ids[5].clone();
    ids.sort();
    for (query, rows, total) in [
        ("", 0..4, None),
        ("?limit=2", 0..2, None),
        ("?limit=2&offset=3&count=true", 3..5, Some("6")),
        ("?offset=5&count=TRUE", 5..6, Some("6")),
        ("?offset=6", 0..0, None),
        ("?limit=0&count=true", 0..0, Some("6")),
        ("?limit=&offset=&count=&filters=&sorters=", 0..4, None),
        ("?offset=2147483647", 0..0, None),
    ] {
        let reply = api.get(&format!("{PATH}{query}")).await;
        assert_eq!(reply.ids(), ids[rows], "{query}");
        let header = reply
            .headers
            .get("x-total-count")
            .map(|v| v.to_str().unwrap());
        assert_eq!(header, total, "{query}");
    }
    let filtered = format!("{PATH}?count=true&filters={}", encoded(r#"name ge "s4""#));
    let reply = api.get(&filtered).await;
    assert_eq!(reply.ids().len(), 2);
    assert!(reply.ids().contains(&last));
    assert_eq!(reply.headers["x-total-count"], "2");
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let api = Api::new().await;
    for (query, name) in [
        ("limit=251", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("offset=2147483648", "offset"),
        ("offset=1.5", "offset"),
        ("count=1", "count"),
        ("filters=%28", "filters"),
        ("sorters=nope", "sorters"),
    ] {
        let error = api.get(&format!("{PATH}?{query}")).await.error(400);
        assert!(error.starts_with(name), "{query}: {error}");
    }
    api.get(&format!("{PATH}?limit=1&limit=2")).await.error(400);
}
