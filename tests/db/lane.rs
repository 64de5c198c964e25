//! The queues for expensive work.

use std::time::Duration;

use app::http::error::ApiError;
use app::http::lane::WorkLanes;

use super::pool::{pools, until};
use crate::support::cluster;

const SOON: Duration = Duration::from_millis(300);
const LATE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_user_has_one_turn_at_a_time_and_nothing_is_remembered_of_who_is_done() {
    let pools = pools(&cluster::options());
    let lanes = WorkLanes::new(pools.clone(), LATE);
    let (turn, lease) = lanes.change(1).await.expect("a turn");
    let next = tokio::spawn({
        let lanes = lanes.clone();
        async move { lanes.change(1).await.map(|(_turn, lease)| lease.release()) }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!next.is_finished());
    // A waiting task holds no connection.
    assert_eq!(pools.costly.status().used, 1);
    lease.release();
    drop(turn);
    next.await.expect("it ended").expect("its turn came");
    assert!(lanes.is_idle());
}

#[tokio::test]
async fn who_waits_too_long_is_told_whose_work_is_in_the_way() {
    let lanes = WorkLanes::new(pools(&cluster::options()), SOON);
    let _under_way = lanes.change(1).await.expect("a turn");
    assert!(matches!(lanes.change(1).await, Err(ApiError::TooMuchWork { retry_after: Some(_), .. })));
    assert!(matches!(lanes.change(2).await, Err(ApiError::Unavailable { code: "OVERLOADED", .. })));
}

#[tokio::test]
async fn the_line_of_a_user_is_short_and_who_leaves_it_makes_room() {
    let lanes = WorkLanes::new(pools(&cluster::options()), LATE);
    let under_way = lanes.change(1).await.expect("a turn");
    let wait = |lanes: WorkLanes| tokio::spawn(async move { lanes.change(1).await.map(drop) });
    let waiting: Vec<_> = (0..31).map(|_| wait(lanes.clone())).collect();
    // On the single thread of this test, all of them are queued before this continues.
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Immediately, not after a minute, because the queue is full.
    until(async || {
        matches!(
            tokio::time::timeout(SOON, lanes.change(1)).await,
            Ok(Err(ApiError::TooMuchWork { retry_after: Some(_), .. }))
        )
    })
    .await;
    waiting[0].abort();
    until(async || waiting[0].is_finished()).await;
    assert!(tokio::time::timeout(SOON, lanes.change(1)).await.is_err(), "it waits in line");
    for task in &waiting {
        task.abort();
    }
    drop(under_way);
    until(async || lanes.is_idle()).await;
}

#[tokio::test]
async fn small_changes_pass_one_at_a_time_beside_a_large_one_of_the_same_user() {
    let lanes = WorkLanes::new(pools(&cluster::options()), SOON);
    assert!(lanes.change_few(1).await.expect("at once").is_none());
    let large = lanes.change(1).await.expect("a turn");
    let small = lanes.change_few(1).await.expect("beside it");
    assert!(small.is_some());
    assert!(matches!(lanes.change_few(1).await, Err(ApiError::TooMuchWork { .. })));
    assert!(lanes.change_few(2).await.expect("others at once").is_none());
    drop(small);
    assert!(lanes.change_few(1).await.expect("beside it").is_some());
    drop(large);
    assert!(lanes.change_few(1).await.expect("at once").is_none());
}
