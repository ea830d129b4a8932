//! The hasher with a small cost, so that a run takes well under a millisecond.
use super::*;
use crate::password::Policy;

fn settings(parallel_hashes: usize, hash_queue: usize) -> Settings {
    let cost = Argon2Cost { memory_kib: 64, iterations: 1, lanes: 1 };
    Settings { min_length: 1, max_length: 1024, block_common: false, cost, parallel_hashes, hash_queue }
}

fn password(text: &str) -> Password {
    Policy::new(&settings(1, 1)).given(&Secret::new(text.to_owned())).unwrap()
}

#[tokio::test]
async fn a_password_matches_its_own_hash_only() {
    let hasher = Hasher::new(&settings(2, 8));
    let kept = hasher.hash(&password("hunter2")).await.unwrap();
    assert_eq!(hasher.verify(&password("hunter2"), Some(&kept)).await, Ok(true));
    assert_eq!(hasher.verify(&password("hunter3"), Some(&kept)).await, Ok(false));
    assert_eq!(hasher.verify(&password(""), Some(&kept)).await, Ok(false));
    assert!(!hasher.needs_rehash(&kept));
    assert_eq!(hasher.runs(), 4);
}

#[tokio::test]
async fn a_name_without_a_hash_costs_the_same_run() {
    let hasher = Hasher::new(&settings(2, 8));
    let broken =
        ["", "x", "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"];
    assert_eq!(hasher.verify(&password("hunter2"), None).await, Ok(false));
    for (index, text) in broken.into_iter().enumerate() {
        assert_eq!(hasher.verify(&password("hunter2"), Some(&Secret::new(text.to_owned()))).await, Ok(false), "{text}");
        assert_eq!(hasher.runs(), index as u64 + 2);
        assert!(hasher.needs_rehash(&Secret::new(text.to_owned())));
    }
}

#[tokio::test]
async fn a_hash_of_other_making_that_is_done_sooner_is_followed_by_the_work_of_our_own() {
    let hasher = Hasher::new(&settings(1, 1));
    // "hunter2" as `htpasswd -s` writes it, and by bcrypt, which takes longer than ours.
    let quick = Secret::new("{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0=".to_owned());
    let slow = Secret::new("$2b$12$xl2Hx1pyGIv4GM8tR3jycezDRH0UMKlf.BR/I5L6Pl0JSicoCSIZC".to_owned());
    let work = async |kept: &Secret, text: &str| {
        let before = hasher.runs();
        let matched = hasher.verify(&password(text), Some(kept)).await.unwrap();
        (matched, hasher.runs() - before)
    };
    assert_eq!(work(&quick, "hunter2").await, (true, 2));
    assert_eq!(work(&quick, "hunter3").await, (false, 2));
    assert_eq!(work(&slow, "hunter3").await, (false, 1));
    let own = hasher.hash(&password("hunter2")).await.unwrap();
    assert_eq!(work(&own, "hunter3").await, (false, 1));
}

#[tokio::test]
async fn an_older_cost_still_matches_and_asks_to_be_hashed_anew() {
    let before = Hasher::new(&settings(1, 1));
    let kept = before.hash(&password("hunter2")).await.unwrap();
    let cost = Argon2Cost { memory_kib: 128, iterations: 2, lanes: 2 };
    let after = Hasher::new(&Settings { cost, ..settings(1, 1) });
    assert_eq!(after.verify(&password("hunter2"), Some(&kept)).await, Ok(true));
    assert!(after.needs_rehash(&kept));
    let anew = after.hash(&password("hunter2")).await.unwrap();
    assert_eq!(before.verify(&password("hunter2"), Some(&anew)).await, Ok(true));
}

#[tokio::test]
async fn what_is_more_than_the_queue_holds_is_told_to_come_back() {
    let hasher = Hasher::new(&settings(1, 2));
    let all = Arc::clone(&hasher.0.places).try_acquire_many_owned(1).unwrap();
    let waiter = |_| {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.verify(&password("hunter2"), None).await })
    };
    let waiting: Vec<_> = (0..2).map(waiter).collect();
    while hasher.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    let HashError::Busy { retry_after } = hasher.verify(&password("hunter2"), None).await.unwrap_err();
    assert!((Duration::from_secs(1)..=LONGEST_RETRY).contains(&retry_after));
    assert_eq!(hasher.runs(), 0);
    drop(all);
    for task in waiting {
        assert_eq!(task.await.unwrap(), Ok(false));
    }
    assert_eq!((hasher.waiting(), hasher.runs()), (0, 2));
}

#[tokio::test]
async fn who_stops_waiting_frees_the_place_in_the_queue() {
    let hasher = Hasher::new(&settings(1, 1));
    let all = Arc::clone(&hasher.0.places).try_acquire_many_owned(1).unwrap();
    for _ in 0..3 {
        let (hasher_2, given) = (hasher.clone(), password("hunter2"));
        let task = tokio::spawn(async move { hasher_2.verify(&given, None).await });
        while hasher.waiting() < 1 {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(hasher.waiting(), 0);
    }
    drop(all);
    assert_eq!(hasher.verify(&password("hunter2"), None).await, Ok(false));
}

#[tokio::test]
async fn who_leaves_during_a_run_does_not_free_its_place_early() {
    let hasher = Hasher::new(&settings(1, 0));
    let (started, wait) = std::sync::mpsc::channel::<()>();
    let held = hasher.clone();
    let task = tokio::spawn(async move { held.run(move |_| wait.recv().ok()).await });
    while hasher.0.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.is_err());
    assert!(hasher.verify(&password("hunter2"), None).await.is_err(), "the run still goes on");
    started.send(()).unwrap();
    while hasher.0.places.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hasher.verify(&password("hunter2"), None).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_runs_than_places_go_on_at_once() {
    let hasher = Hasher::new(&settings(2, 64));
    let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (hasher, now, peak) = (hasher.clone(), Arc::clone(&now), Arc::clone(&peak));
            tokio::spawn(async move {
                let job = move || {
                    peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    Some(())
                };
                hasher.run(move |shared| shared.timed(true, job).0).await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    assert!(peak.load(Ordering::SeqCst) <= 2);
    assert_eq!(hasher.runs(), 40);
}

#[tokio::test]
async fn a_run_that_fails_is_never_a_match() {
    let hasher = Hasher::new(&settings(1, 1));
    assert!(hasher.run(|_| None::<bool>).await.is_err());
    assert!(hasher.run::<bool, _>(|_| panic!("a run that breaks")).await.is_err());
    assert_eq!(hasher.verify(&password("hunter2"), None).await, Ok(false), "the place is free again");
}

#[tokio::test]
async fn every_run_is_observed() {
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    let hasher = Hasher::observed(
        &settings(1, 1),
        Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        }),
    );
    let kept = hasher.hash(&password("hunter2")).await.unwrap();
    assert_eq!(hasher.verify(&password("hunter2"), Some(&kept)).await, Ok(true));
    assert_eq!((heard.load(Ordering::Relaxed), hasher.runs()), (2, 2));
}

#[test]
fn a_hasher_does_not_print_its_decoy() {
    let hasher = Hasher::new(&settings(1, 1));
    assert!(!format!("{hasher:?}").contains("argon2id"));
}
