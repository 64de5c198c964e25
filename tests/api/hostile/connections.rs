//! More connections than there may be.

use std::net::IpAddr;

use sqlx::{Connection as _, Executor as _};

use crate::support::app::TestApp;
use crate::support::raw::Raw;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 5, 1));
const REQUEST: &str = "GET /api HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn an_address_that_holds_too_many_displaces_its_own_idle_ones() {
    let app = TestApp::configured(&[("APP_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "5")]).await;
    let (mallory, alice) = (IpAddr::from([127, 0, 2, 1]), IpAddr::from([127, 0, 2, 2]));
    let mut other = Raw::connect_from(&app, alice).await;
    let mut held = Vec::new();
    for _ in 0..12 {
        held.push(Raw::connect_from(&app, mallory).await);
    }
    for raw in held.iter_mut().take(7) {
        raw.is_closed().await;
    }
    for raw in held.iter_mut().skip(7) {
        assert_eq!(raw.send(REQUEST).await.answer().await.expect("an answer").status, 200);
    }
    assert_eq!(other.send(REQUEST).await.answer().await.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_flood_of_idle_connections_from_many_addresses_keeps_nobody_out() {
    let app = TestApp::configured(&[("APP_SERVER__MAX_CONNECTIONS", "40")]).await;
    let mut flood = Vec::new();
    for number in 0..200_u8 {
        let mut raw = Raw::connect_from(&app, IpAddr::from([127, 0, 3, 1 + number % 50])).await;
        // Half of them have begun a head.
        if number % 2 == 0 {
            raw.send("GET /api HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
        }
        flood.push(raw);
    }
    for _ in 0..20 {
        let mut raw = Raw::connect_from(&app, IpAddr::from([127, 0, 4, 1])).await;
        assert_eq!(raw.send(REQUEST).await.answer().await.expect("an answer").status, 200);
    }
    drop(flood);
}

#[tokio::test]
async fn what_is_worked_on_is_not_displaced_and_what_waits_for_its_client_is() {
    let app = TestApp::configured(&[("APP_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "4")]).await;
    let alice = app.user("alice").await;
    let token = alice.token.expect("a token");
    let mut connection = app.connection().await;
    let mut locked = connection.begin().await.expect("begun");
    locked.execute("lock table tags in access exclusive mode").await.expect("locked");
    let mut working = Raw::connect_from(&app, ADDRESS).await;
    working.send(format!("GET /api/tags HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n")).await;
    let head =
        "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n";
    let mut receiving = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect_from(&app, ADDRESS).await;
        raw.send(head).await;
        receiving.push(raw);
    }
    // As many as the address may have, and all of them busy: a newcomer takes the place of one that waits.
    let mut newcomer = Raw::connect_from(&app, ADDRESS).await;
    assert_eq!(newcomer.send(REQUEST).await.answer().await.expect("an answer").status, 200);
    let waiting = receiving.iter_mut().map(|raw| Box::pin(raw.is_closed()));
    futures_util::future::select_all(waiting).await;
    locked.rollback().await.expect("rolled back");
    // 503 where the machine was so busy that the wait for the lock came to its end.
    assert!([200, 503].contains(&working.answer().await.expect("an answer").status));
}

#[tokio::test]
async fn a_trusted_proxy_may_hold_many() {
    let settings = [("APP_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "2"), ("APP_SERVER__TRUSTED_PROXIES", "127.0.6.0/24")];
    let app = TestApp::configured(&settings).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(Raw::connect_from(&app, IpAddr::from([127, 0, 6, 1])).await);
    }
    for raw in &mut held {
        assert_eq!(raw.send(REQUEST).await.answer().await.expect("an answer").status, 200);
    }
}
