// SPDX-License-Identifier: BSD-3-Clause
//! What the channels and selects of Go and of crossbeam are tested for, held against kcoro's: the behaviours, in our own
//! cases. Each is shown on threads, on one worker and on two, and under seeds of the simulator; see [`place`].
//!
//! | behaviour | tests of Go | of crossbeam-channel | here |
//! |---|---|---|---|
//! | a value gets through; alone nobody gets anything | `TestChan`, nonblock | smoke, `try_recv`, `recv`, `recv_timeout` of array, list, zero | `passing::what_is_sent_is_received`, `an_empty_channel_has_nothing_..`, `a_receive_goes_on_only_with_a_value`, `a_receive_with_a_limit_..` |
//! | order of one sender | fifo, `TestChan` | spsc | `passing::values_of_one_sender_..`, `unbounded::values_leave_in_order_..` |
//! | many to many, none lost | `TestMultiConsumer`, perm | mpmc, stress | `passing::many_senders_and_many_receivers_..`, `unbounded::what_many_have_left_..`, `bounded::parts_that_send_and_receive_..` |
//! | a fresh channel, one value | `TestChan` | `stress_oneshot`, mpsc oneshot | `passing::one_value_gets_through_..` |
//! | sends publish, closes publish | `TestChanSendBarrier` | | `passing::what_was_written_before_..`, `bounded::a_send_that_had_to_wait_..`, `rendezvous::what_a_receiver_wrote_..` |
//! | who sent finds a value | | linearizable | `passing::who_has_sent_..`, `selecting::who_has_sent_..` |
//! | values of any type, of no size | `TestChanSendInterface`, zerosize | | `passing::values_of_any_type_..`, `values_without_a_size_..` |
//! | channels of channels | | `channel_through_channel` | `passing::a_channel_arrives_through_a_channel_..` |
//! | every value dropped once | | drops, `panic_on_drop` | `passing::every_value_is_dropped_once_..`, `unbounded::what_is_left_..`; panics in `channels::contract` |
//! | chains and sieves | goroutines, sieve, powser | | `passing::a_number_goes_through_a_long_chain`, `a_sieve_..` |
//! | a close: rest drains, waiters wake, sends fail | closedchan, `TestChan` | `disconnect_wakes_*`, `*_after_disconnect` | `ends::*` |
//! | a second close | closedchan (panics there, says so here) | | `ends::a_close_counts_once_..` |
//! | a look at a value that is being closed over | `TestNonblockRecvRace` | | `ends::who_tries_a_channel_with_a_value_..` |
//! | either side goes while the other works | | mpsc `port_gone_*`, `chan_gone_*` | `ends::senders_that_go_on_..`, `receivers_that_go_on_..`, `a_side_lasts_..` |
//! | capacity, length, full, empty | chancap | capacity, `len_empty_full`, len | `bounded::it_says_..`, `it_never_holds_more_..`, `rendezvous::it_holds_nothing_..`, `unbounded::it_is_never_full` |
//! | sends wait, try, give up | nonblock | send, `try_send`, `send_timeout` | `bounded::a_full_one_refuses_..`, `a_send_goes_on_..`, `a_send_with_a_limit_..`, `unbounded::no_send_waits_..` |
//! | the two of a rendezvous meet | nonblock, `TestChan` | zero | `rendezvous::*` |
//! | nothing ever comes | nil channels | never | `odd_kinds::on_never_..`, `selecting::a_channel_on_which_nothing_comes_..` |
//! | only the latest value counts | | | `odd_kinds::*conflated*` |
//! | iterators | range | iter, mpsc iterators | `handles::*iterator*` |
//! | identity and clones | | `same_channel`, cloning | `handles::clones_know_..`, `a_clone_of_one_end_..`, `choosing::clones_select_..` |
//! | use where a thread ends | | `thread_locals` | `handles::a_thread_that_ends_..` |
//! | the ready arm; default; limits | select, select3 | smoke, default, timeout, unblocks, disconnected | `selecting::the_arm_that_is_ready_..`, `a_default_..`, `a_select_goes_on_..`, `an_arm_whose_channel_is_closed_..`, `a_close_wakes_a_select_..` |
//! | one arm and no other; nothing is left behind | doubleselect, select2, select6 | `both_ready`, preflight | `selecting::of_two_that_are_ready_..`, `a_select_leaves_nobody_behind_..`, `a_value_that_is_not_sent_..` |
//! | a channel in several arms | `TestSelectDuplicateChannel` | `duplicate_operations` | `meeting::a_channel_may_be_in_several_arms_..`, `choosing::a_channel_in_two_arms_..` |
//! | a select does not meet itself, selects meet | `TestSelfSelect`, select7 | `send_recv_same_channel`, matching, `matching_with_leftover` | `meeting::*` |
//! | loops of selects lose nothing | `TestSelectStress`, select5 | `stress_*`, `loop_try` | `meeting::selects_in_loops_..`, `senders_and_receivers_that_give_up_..` |
//! | a race of select and close or token | `TestNonblockSelectRace` | `linearizable_*` | `meeting::a_token_..`, `selecting::who_has_sent_..` |
//! | fairness | `TestSelectFairness`, `TestPseudoRandomSend` | `fairness*` | `choosing::*equally_often`, `closed_channels_are_chosen_..`, `senders_that_wait_..` |
//! | evaluation, control flow, moves, types | select8, sendstmt | evaluate, `once_*`, `result_types`, `move_handles`, references | `choosing::handles_..`, `it_is_an_expression_..`, `an_arm_may_move_..` |
//! | nested selects | | nesting, `parse_nesting` | `meeting::a_select_inside_of_an_arm_..` |
//! | after, tick | `time.After`, `time.NewTicker` | after, tick | `time_kinds::*` |
//!
//! Not here, for want of the thing itself: stacks that move (`TestShrinkStackDuringBlockedSend`,
//! `TestNoShrinkStackWhileParking`, `TestSelectStackAdjust`). A dynamic select is in `tests/select`, its readiness in the scenarios `readiness`.

mod bounded;
mod choosing;
mod ends;
mod handles;
mod meeting;
mod odd_kinds;
mod passing;
mod place;
mod rendezvous;
mod selecting;
mod time_kinds;
mod unbounded;
