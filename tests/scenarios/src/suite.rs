// SPDX-License-Identifier: BSD-3-Clause
//! The list of all scenarios. One that is written and not listed is dead code, which does not compile.

use crate::Scenario;
// As the list names them.
use crate::stage::Need::*;

/// Calls the macro `$with` with the list: rooms, the scenarios in each, and what each of these needs.
///
/// The need that a runner may want to leave out stands first, so that it can be told by a pattern.
#[macro_export]
macro_rules! suite {
    ($with:ident) => {
        $with! {
            spawning {
                every_spawned_coroutine_runs_once_and_its_output_arrives [],
                a_detached_coroutine_runs_to_its_end [],
                coroutines_spawn_coroutines [],
                local_coroutines_share_what_is_not_send [],
                many_coroutines_live_at_once [],
                a_join_that_is_too_early_can_be_tried_again [],
                an_output_is_taken_once [],
                an_output_that_nobody_takes_is_dropped_once [],
                a_coroutine_cannot_join_itself [],
                names_numbers_and_spawn_sites_are_told [],
                a_handle_can_be_awaited [],
                a_panic_arrives_at_the_join [Unwinding],
            }
            placement {
                a_coroutine_stays_where_it_started [],
                near_and_local_coroutines_run_on_their_spawners_worker [],
                a_coroutine_starts_on_the_worker_that_is_named [],
                a_worker_that_is_not_there_is_refused [],
                what_a_busy_worker_has_spawned_is_run_by_others [Parallel],
                workers_exchange_values_over_channels [TwoWorkers],
                migrating_coroutines_all_end [],
            }
            turns {
                yielding_coroutines_take_turns [QueueOrder],
                nobody_comes_in_between_two_suspensions [],
                a_yielding_loop_starves_nobody [],
                operations_that_never_wait_starve_nobody [],
                spawning_in_a_loop_starves_nobody [],
                waits_that_are_over_before_they_begin_starve_nobody [],
                channel_pairs_starve_nobody [],
                coroutines_that_hand_over_to_each_other_starve_nobody [],
                a_hand_over_runs_the_named_one_next [],
                a_hand_over_to_one_that_is_not_ready_does_nothing [],
                near_coroutines_start_in_the_order_in_which_they_were_spawned [QueueOrder],
            }
            channels {
                a_channel_holds_exactly_its_capacity [],
                values_leave_in_the_order_they_entered_also_from_waiting_senders [],
                receivers_are_served_in_the_order_they_came [],
                a_rendezvous_send_returns_when_its_value_has_been_taken [],
                a_close_lets_what_is_buffered_drain [],
                a_close_gives_values_back_to_waiting_senders [],
                the_last_sender_closes [],
                the_last_receiver_closes_and_drops_what_is_buffered [],
                the_last_receiver_gives_values_back_to_waiting_senders [],
                a_failed_send_returns_the_value [],
                each_value_is_received_once_under_contention [],
                values_of_one_sender_stay_in_order [],
                coroutines_take_turns_over_two_channels [],
                values_of_no_size_are_counted [],
                large_values_arrive_whole [],
                iterators_end_on_close_and_on_cancel [],
            }
            cancelling {
                a_cancel_before_the_first_run_drops_the_closure_once [],
                a_cancel_ends_a_wait_for_a_value [],
                a_cancel_ends_a_wait_for_room_and_the_value_comes_back [],
                a_cancel_ends_sleeps_and_intervals [],
                a_cancelled_join_leaves_the_other_alone [],
                a_cancel_drops_the_pending_future [],
                a_cancelled_coroutine_waits_no_more_but_may_try [],
                a_cancel_after_the_end_changes_nothing [],
                a_completed_operation_completes_and_the_next_sees_the_cancel [],
                a_value_that_races_with_a_cancel_is_received_or_stays [],
            }
            cancel {
                a_region_obeys_its_token_until_it_ends [],
                each_of_nested_regions_counts_while_it_lasts [],
                a_cancel_of_the_coroutine_outlasts_its_regions_and_shields [],
                a_shield_keeps_off_what_comes_from_outside [],
                a_shield_keeps_off_enclosing_time_limits [],
                a_cancel_reaches_all_below_and_the_first_cause_stays [],
                a_coroutine_that_obeys_a_cancelled_token_never_runs [],
                a_coroutine_obeys_its_token_to_its_end [],
                coroutines_and_futures_wait_for_a_cancel [],
                hooks_run_once_in_order_and_after_all_wakes [],
                a_token_can_be_cancelled_from_a_drop [],
                iterators_end_with_their_region [],
                a_cancel_that_races_with_the_end_of_a_region_is_seen_or_leaves_no_trace [],
                a_deadline_cancels_and_is_never_early [],
                a_grace_period_ends_with_the_cancel [],
                futures_sleep_and_are_limited [],
            }
            precedence {
                at_a_channel_cancelled_beats_closed_beats_timed_out [],
                a_cancel_beats_what_is_over_at_once [],
                at_a_lock_a_cancel_beats_what_is_free_and_that_beats_a_limit [],
                at_a_signal_a_cancel_beats_what_is_set_and_that_beats_a_limit [],
                at_a_semaphore_cancelled_beats_closed_beats_timed_out [],
                in_a_select_cancelled_beats_closed_beats_timed_out [],
                of_an_ask_cancelled_beats_ended_beats_timed_out [],
                what_has_won_completes_and_the_next_sees_the_cancel [],
                an_answer_that_has_won_arrives_and_the_next_ask_sees_the_cancel [],
            }
            kinds {
                a_send_into_an_unbounded_channel_never_waits [],
                a_conflated_channel_holds_the_newest [],
                a_full_channel_drops_what_its_policy_says [],
                a_drain_takes_all_and_lets_waiting_senders_in_in_order [],
                a_discard_gives_the_hook_what_is_buffered [],
                values_that_no_hook_takes_are_dropped_once [],
                a_hook_may_use_its_own_channel [],
                nothing_ever_comes_from_never [],
                every_value_of_every_kind_is_accounted_for [],
                a_static_channel_is_a_bounded_one [],
                a_static_channel_is_drained_in_one_step [],
            }
            ticks {
                an_instant_comes_once_and_never_early [],
                ticks_do_not_drift_and_those_missed_are_dropped [],
                futures_and_regions_receive_ticks [],
                nothing_ticks_when_the_last_receiver_has_gone [StillTime],
                a_tick_that_nobody_takes_wakes_nobody [StillTime],
            }
            timing {
                a_sleep_is_never_early [],
                sleepers_wake_in_the_order_of_their_deadlines [StillTime],
                time_jumps_to_the_next_deadline [StillTime],
                a_sleep_of_no_time_lets_others_run [],
                an_interval_keeps_its_beat [],
                a_timeout_cancels_what_waits_inside_and_returns_its_value [],
                a_timeout_that_is_not_reached_leaves_no_trace [],
                the_earliest_of_nested_timeouts_counts [],
                a_wait_that_timed_out_leaves_nothing_behind [],
                the_deadline_of_a_wait_that_is_over_does_not_end_the_next [StillTime],
                a_wait_with_a_limit_is_never_cut_short [],
                what_is_there_needs_no_time [],
                for_ever_does_not_end [],
                who_waits_for_ever_for_a_lock_a_select_or_an_answer_is_served_in_the_end [],
                instants_of_another_clock_are_refused [],
                a_value_that_races_with_a_timeout_is_received_or_comes_back [],
            }
            scopes {
                children_on_all_workers_borrow_from_their_parents_frame [],
                a_scope_waits_for_children_that_nobody_joins [],
                nested_scopes_end_from_the_inside_out [],
                scopes_nest_deeply [],
                each_of_a_chain_of_scopes_waits_for_the_next [],
                children_spawn_siblings [],
                all_failures_are_gathered_and_siblings_are_cancelled [],
                a_failure_of_the_closure_cancels_the_children [],
                a_cancelled_parent_passes_it_on_to_its_children [],
                a_parent_out_of_time_cancels_its_children [],
                a_scope_that_is_cancelled_before_its_children_ran_ends [],
                one_child_is_cancelled_alone [],
                a_panic_of_a_child_is_the_failure_of_its_scope [Unwinding],
            }
            scopes_more {
                a_failure_in_a_supervised_scope_leaves_the_others_alone [],
                a_failing_closure_cancels_what_it_supervised [],
                the_first_success_cancels_the_rest [],
                gathered_values_stand_in_the_order_of_the_spawns [],
                one_failure_is_the_end_of_all [],
                too_few_successes_come_back_with_the_failures [],
                no_more_children_live_at_once_than_the_limit [],
                at_the_limit_a_spawn_is_refused_or_waits_and_can_be_cancelled [],
                who_waits_for_a_place_gets_it_in_order [],
                a_failed_spawn_gives_its_place_back [],
                a_producer_feeds_its_channel_and_ends_with_it [],
                an_error_of_a_producer_is_its_scopes [],
                a_panic_of_a_producer_is_its_scopes [Unwinding],
                a_cancel_at_any_point_ends_the_whole_tree [],
                a_child_can_cancel_its_own_scope [],
                a_cancelled_scope_keeps_nobody_waiting_for_a_place [],
            }
            actors {
                messages_are_handled_in_order_and_asks_are_answered [],
                any_channel_is_a_mailbox [],
                a_stop_finishes_the_message_in_hand_only [],
                a_drain_finishes_the_mailbox [],
                an_actor_that_nobody_can_reach_finishes_its_mailbox [],
                an_error_ends_the_actor_and_what_is_left_goes_to_the_hook [],
                an_ask_of_a_dead_actor_is_an_error_at_once [],
                an_ask_that_is_not_answered_ends_all_the_same [],
                an_answer_that_nobody_waits_for_comes_back [],
                an_answer_that_races_with_its_deadline_arrives_or_comes_back [],
                a_cancelled_actor_stops_once_and_its_waits_end [],
                an_actor_that_never_ran_gives_its_messages_back [],
                an_actor_can_stop_itself_and_knows_its_address [],
                a_panic_stops_the_actor_once_and_arrives_at_the_join [Unwinding],
                messages_told_are_handled_or_undelivered_whoever_wins [],
            }
            supervision {
                a_failed_actor_gets_a_new_life_with_the_same_mailbox [],
                a_drain_goes_on_in_the_next_life_and_a_stop_does_not [],
                all_for_one_gives_all_a_new_life [],
                too_many_failures_are_the_supervisors_own [],
                an_escalation_gives_the_whole_branch_a_new_life [],
                restarts_wait_for_their_backoff [StillTime],
                failures_outside_of_the_window_are_forgotten [StillTime],
                a_panic_is_answered_like_an_error [Unwinding],
                a_cancelled_supervisor_ends_with_all_its_children [],
            }
            select {
                what_is_ready_is_taken_at_once [],
                a_select_waits_for_the_first_and_leaves_the_others_alone [],
                a_waiting_send_hands_its_value_over [],
                two_selects_that_face_each_other_meet [],
                a_select_never_meets_itself [],
                a_close_ends_a_select_and_values_come_back [],
                the_value_of_a_send_that_was_not_chosen_is_dropped_once_or_stays [],
                time_ends_a_select_and_never_early [],
                a_cancelled_select_tells_one_of_its_arms [],
                a_timeout_around_a_select_cancels_it [],
                a_select_without_arms_waits_for_a_cancel [],
                a_join_can_be_an_arm [],
                each_value_is_selected_once_under_contention [],
            }
            select_sets {
                a_set_that_does_not_wait_is_nobodys_peer [],
                what_came_while_a_set_did_not_wait_is_found_by_its_next_wait [],
                an_arm_that_did_not_change_is_not_registered_again [],
                a_set_that_was_served_takes_its_turn_again [],
                sets_that_face_each_other_meet_each_time [],
                a_set_that_gives_up_again_and_again_loses_nothing [],
                arms_that_were_come_upon_can_be_removed [],
                a_set_can_be_taken_elsewhere_between_its_waits [],
                a_cancelled_set_keeps_its_arms [],
                the_cancel_of_a_token_can_be_an_arm [],
                a_scopes_child_can_be_an_arm [],
                many_joins_are_one_set [],
                time_ends_an_awaited_select_and_never_early [],
            }
            readiness {
                what_is_ready_is_told_and_not_taken [],
                who_waits_for_readiness_is_told_whatever_makes_it_so [],
                a_wait_for_readiness_is_in_nobodys_way [],
                a_hint_that_is_not_used_is_nobodys_loss [],
                a_set_that_was_registered_before_is_seen_when_it_waits [],
                a_wait_for_readiness_ends_by_a_cancel_or_in_time [],
                a_set_that_nobody_awaits_any_more_has_taken_nothing [],
                what_an_awaited_set_has_sent_stays_sent [],
            }
            waking {
                a_future_is_woken_by_another_coroutine [],
                a_wake_that_comes_before_the_park_is_not_lost [],
                a_wake_that_is_left_over_disturbs_no_other_wait [],
                a_waker_outlives_its_coroutine [],
                futures_and_coroutines_share_a_channel [],
                a_future_that_won_and_is_dropped_passes_its_value_on [],
                a_handle_wakes_the_waker_of_its_latest_poll [],
            }
            sync {
                a_mutex_is_held_by_one_also_over_suspensions [],
                who_waits_for_a_mutex_gets_it_in_the_order_they_came [],
                a_mutex_that_is_taken_again_and_again_is_had_by_who_waits [],
                who_gives_up_a_wait_for_a_mutex_leaves_it_to_the_next [],
                only_what_is_named_cancellable_is_a_cancellation_point [],
                locks_that_are_always_free_starve_nobody [],
                nobody_overtakes_a_large_request_for_permits [],
                permits_of_who_gives_up_go_to_the_next [],
                readers_share_and_do_not_overtake_a_writer [],
                a_wait_for_a_change_gives_the_mutex_up_and_takes_it_again [],
                a_wait_for_a_change_that_is_cut_short_holds_the_mutex_again [],
                a_barrier_opens_when_all_have_come_and_not_for_who_left [],
                a_wait_group_is_waited_for_until_all_is_done [],
                all_who_wait_for_an_event_pass_though_it_is_reset_at_once [],
                a_value_is_made_once_or_by_the_next [],
                a_panic_gives_back_what_was_held [Unwinding],
            }
            own {
                locals_are_each_coroutines_own [],
                locals_are_dropped_at_the_end_newest_first [],
                registers_survive_every_suspension [],
                own_fp_control_survives_and_stays_ones_own [FpControl],
                each_coroutine_has_a_stack_of_the_size_it_asked_for [],
            }
            portable {
                everything_comes_to_the_same_number_everywhere [],
            }
            limits {
                over_the_limit_try_spawn_is_refused_and_drops_the_closure [Limit(8)],
                spawns_that_wait_for_room_get_it_in_order [Limit(6)],
                a_spawn_that_waits_for_room_can_be_cancelled_and_limited [Limit(2)],
                every_way_to_end_makes_room [Limit(2)],
            }
        }
    };
}

/// For runners, as `suite!(rooms)`: a module for each room, and in it the runner's own `scenario!` for each scenario.
#[macro_export]
macro_rules! rooms {
    ($($room:ident { $($name:ident [$($needs:tt)*],)* })*) => {
        $(mod $room { $(scenario!($room $name [$($needs)*]);)* })*
    };
}

/// Turns the list into a table.
macro_rules! table {
    ($($room:ident { $($name:ident [$($need:expr),*],)* })*) => {
        &[$($(Scenario {
            name: concat!(stringify!($room), "::", stringify!($name)),
            needs: &[$($need),*],
            run: crate::$room::$name,
        }),*),*]
    };
}

/// All of them.
pub const SCENARIOS: &[Scenario] = suite!(table);
