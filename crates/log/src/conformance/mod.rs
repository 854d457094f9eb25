//! The suite that every engine runs from its own tests, written once against the traits.
//!
//! An engine implements [`Harness`] and calls [`crate::log_conformance!`] in a test module; each
//! case becomes a test of its own. Cases name their topics, groups and writers uniquely, so they
//! may run at the same time on one log. They assume nothing a Kafka engine could not keep:
//! offsets may have gaps, a rebalance may revoke more than it moves, and cleaning up takes as
//! long as it takes.

pub mod append;
pub mod atomicity;
pub mod cleaning;
pub mod fencing;
pub mod order;
pub mod ownership;
pub mod restore;
pub mod tailing;

mod case;

pub use case::{Case, Cleaning, Harness};

/// Makes a `#[tokio::test]` of every case of the suite. The argument is an expression that makes
/// the engine's [`Harness`](crate::conformance::Harness); it is evaluated once for each case.
/// After `if` may stand whether there is what the engine needs; without it no case runs.
#[macro_export]
macro_rules! log_conformance {
    ($harness:expr) => {
        $crate::log_conformance! { $harness, if true }
    };
    ($harness:expr, if $available:expr) => {
        $crate::log_conformance! { @cases $harness, $available;
            append: acknowledged_records_are_there, survives_a_restart, appenders_share_the_log,
                refuses_what_does_not_exist, an_empty_append_is_nothing, topics_only_grow;
            order: every_part_comes_back, offsets_grow_and_keep_the_order,
                one_call_reaches_several_partitions;
            ownership: one_session_gets_everything, two_sessions_share, who_gets_nothing_hears_so,
                what_leaves_goes_to_the_others, hand_over_waits_for_the_guard,
                an_overdue_hand_over_is_lost, what_came_back_untold_is_not_committed,
                commits_while_handing_over_count;
            atomicity: records_and_positions_come_together, an_empty_batch_is_nothing,
                refused_batches_leave_nothing, sessions_without_a_writer_commit_positions_only,
                commits_take_turns_with_appends;
            fencing: a_writer_opened_again_fences_the_first, a_fenced_session_is_over,
                a_partition_that_was_lost_cannot_be_committed;
            restore: positions_and_metadata_come_back, groups_do_not_share_positions,
                reading_ends_at_the_end, the_last_record_is_found,
                a_position_after_the_end_is_an_error,
                seek_goes_back_and_forth, paused_partitions_stay_silent, limits_are_kept;
            tailing: a_reader_follows, following_without_waiting_misses_nothing, a_session_sees_new_records_at_once,
                a_dropped_poll_loses_nothing;
            cleaning: compaction_keeps_the_newest_of_each_key, compacted_topics_stay_small,
                retention_drops_the_old_and_keeps_the_new;
        }
    };
    (@cases $harness:expr, $available:expr; $($module:ident: $($case:ident),+;)+) => {
        $(
            mod $module {
                use super::*;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        if !$available {
                            return;
                        }
                        let case = $crate::conformance::Case::begin($harness, stringify!($case));
                        $crate::conformance::$module::$case(case.await).await;
                    }
                )+
            }
        )+
    };
}
