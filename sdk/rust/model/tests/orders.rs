//! Many orders of the steps of doorbell, ring and seat, on futexes: some hundred at
//! random, and as many that delay one thread for long.

use model::{Manner, SOUND};
use shuttle::{check_pct, check_random};

const ORDERS: usize = 400;
/// So many times the thread that may run is chosen anew.
const DEPTH: usize = 3;

fn many(check: fn()) {
    check_random(check, ORDERS);
    check_pct(check, ORDERS, DEPTH);
}

#[test]
fn two_ringers_wake_one_sleeper() {
    many(model::two_ringers_one_sleeper);
}

#[test]
fn frames_go_through_a_ring_of_one() {
    many(model::ring_of_one);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_ring_before_the_change_is_found() {
    many(model::two_ringers_who_publish_late);
}

#[test]
#[should_panic(expected = "deadlock")]
fn room_that_nobody_is_told_of_is_found() {
    many(model::ring_of_one_that_tells_nobody);
}

#[test]
fn a_handler_may_wait_for_the_next_call() {
    many(|| model::answer(Manner { patient: true, ..SOUND }));
}

#[test]
fn what_was_lent_is_taken_back_or_was_taken() {
    many(|| model::answer(SOUND));
}

#[test]
fn two_threads_do_where_no_other_can_be_had() {
    many(|| model::answer(Manner { plenty: false, ..SOUND }));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_leader_that_lends_without_a_look_is_found() {
    many(|| model::answer(Manner { patient: true, looks: false, ..SOUND }));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_job_that_those_who_stand_by_are_not_told_of_is_found() {
    many(|| model::answer(Manner { plenty: false, wants: false, ..SOUND }));
}
