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
            channels {
                a_channel_holds_exactly_its_capacity [],
                values_leave_in_the_order_they_entered_also_from_waiting_senders [],
                receivers_are_served_in_the_order_they_came [],
                a_rendezvous_send_returns_when_its_value_has_been_taken [],
                a_close_lets_what_is_buffered_drain [],
                a_close_gives_values_back_to_waiting_senders [],
                the_last_sender_closes [],
                the_last_receiver_closes_and_drops_what_is_buffered [],
                a_failed_send_returns_the_value [],
                each_value_is_received_once_under_contention [],
                values_of_one_sender_stay_in_order [],
                coroutines_take_turns_over_two_channels [],
                values_of_no_size_are_counted [],
                large_values_arrive_whole [],
                iterators_end_on_close_and_on_cancel [],
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
