//! Rows that take more than a request and its answer: each with the tests that play it. And what does not apply yet.

/// The row, and the names of the tests that hold it; they must be there.
pub(super) const HELD: &[(&str, &[&str])] = &[
    ("K04", &["a_key_file_that_is_not_fit_stops_the_start_and_says_why"]),
    (
        "D09",
        &[
            "what_a_backend_lets_be_shared_is_private_where_it_is_somebodys",
            "a_caching_nginx_before_the_gateway_gives_nobody_what_is_anothers",
        ],
    ),
    ("S10", &["fifty_refreshes_at_once_make_one_lineage"]),
    ("A02", &["each_failed_sign_in_costs_one_hash_whoever_it_is"]),
    ("A06", &["a_flood_of_logins_is_refused_and_the_rest_goes_on"]),
    ("A10", &["all_names_of_an_account_share_its_bucket"]),
    ("H14", &["after_an_early_answer_the_rest_of_the_body_is_nobodys_request"]),
    ("H16", &["requests_in_one_write_are_each_their_own_callers"]),
    ("F08", &["a_body_is_as_long_as_it_says_and_trailers_go_no_further"]),
    ("F10", &["a_body_is_as_long_as_it_says_and_trailers_go_no_further"]),
    ("F11", &["floods_of_frames_end_their_own_connection_or_cost_nothing"]),
    ("F12", &["floods_of_frames_end_their_own_connection_or_cost_nothing"]),
    ("F13", &["floods_of_frames_end_their_own_connection_or_cost_nothing"]),
    ("W02", &["bytes_before_the_answer_reach_no_backend_as_they_are"]),
    (
        "W07",
        &[
            "signing_out_closes_the_socket_with_1008_within_a_second",
            "a_token_that_expires_closes_the_socket_unless_the_session_was_refreshed",
        ],
    ),
    ("R01", &["a_connection_that_says_nothing_or_half_a_head_is_ended"]),
    ("R02", &["a_connection_that_says_nothing_or_half_a_head_is_ended", "an_idle_kept_connection_is_ended"]),
    ("R03", &["a_body_that_drips_for_ever_is_408"]),
    ("R04", &["a_client_that_takes_nothing_is_let_go"]),
    ("R06", &["one_address_holds_only_so_many_connections", "the_accept_loop_survives_a_lack_of_descriptors"]),
    ("L01", &["no_secret_is_written_at_any_level"]),
    ("L04", &["labels_come_from_the_file_and_never_from_a_client"]),
    ("L07", &["a_panic_costs_one_request_and_tells_the_client_nothing"]),
    ("C10", &["a_certificate_that_is_not_good_is_refused_and_the_log_tells_the_cure"]),
    ("C11", &["a_bad_file_changes_nothing_and_a_metric_says_so", "reloads_under_load_lose_no_request"]),
    ("C13", &["who_may_ask_the_admin_address_is_said_in_the_file", "a_stranger_cannot_reload"]),
];

/// What does not apply, or cannot be asked yet, and why.
pub(super) const NOT_YET: &[(&str, &str)] = &[
    ("K08", "the system's randomness cannot be made to fail in a test; ids are 256 bits of it"),
    ("R10", "the table's bound is held by a unit test; a million sources take longer than the suite may"),
];

/// These lists may only shrink.
pub(super) const MOST_HELD: usize = 26;
pub(super) const MOST_NOT_YET: usize = 2;
