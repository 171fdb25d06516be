import java.lang.reflect.Method;
import java.util.List;
import java.util.stream.Stream;
import org.junit.platform.commons.annotation.Testable;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Something that the kit promises, in an owner's words, and the test that proves it.
 *
 * @param in the class of the test
 * @param method its name; one that does not exist is refused, and with it the whole list
 */
record Claim(Operation operation, String words, Class<?> in, String method) {
    /** What an operator does; each has a log of its own. */
    enum Operation { backup, restore, deploy, rollback, smoke }

    /** What {@code ./jbang evidence} proves, in the order of the summary. */
    static final List<Claim> ALL = List.of(
        new Claim(Operation.backup, "A backup has its parts, their checksums, and the seal that is written last", BackupDbTest.class, "a_backup_is_a_folder_with_its_parts_its_checksums_and_its_seal_and_nothing_else"),
        new Claim(Operation.backup, "It can be restored without the kit, with stock tools, and has exactly the rows that it says, though somebody wrote all the time", BackupDbTest.class, "restoring_by_hand_gives_the_manifests_counts_though_somebody_wrote_all_the_time"),
        new Claim(Operation.backup, "Encrypted, it is opened by stock age, and by the identity alone", BackupDbTest.class, "an_encrypted_backup_is_opened_by_stock_age_and_by_the_identity_alone"),
        new Claim(Operation.backup, "Interrupted in the middle of an upload, it takes back what it sent", BackupFaultsTest.class, "a_signal_in_the_middle_of_an_upload_aborts_it_and_stops_pg_dump"),
        new Claim(Operation.backup, "Killed after any step, it leaves nothing that counts, and the next run works", BackupFaultsTest.class, "a_kill_after_any_step_is_made_good_by_the_next_run"),
        new Claim(Operation.backup, "A pg_dump that dies halfway leaves nothing in the bucket", BackupFaultsTest.class, "a_pg_dump_that_fails_is_killed_or_hangs_leaves_nothing_and_the_next_run_works"),
        new Claim(Operation.backup, "Every kind of request to the store may fail once", BackupFaultsTest.class, "every_kind_of_request_may_fail_be_told_to_slow_down_and_be_cut_off_before_it_passes"),
        new Claim(Operation.backup, "A byte that changes on the way to the store never becomes part of a backup", BackupFaultsTest.class, "a_store_that_cuts_off_stalls_forbids_or_changes_what_is_sent_gets_no_backup_and_the_next_run_works"),
        new Claim(Operation.backup, "A role that would not see every row is refused, not dumped around", BadInputTest.class, "a_policy_that_would_hide_rows_is_refused_and_not_dumped_around"),
        new Claim(Operation.backup, "A byte that flips in the store is found, and the object is named", BackupsTest.class, "any_flipped_byte_of_any_object_is_found_and_the_object_named"),
        new Claim(Operation.backup, "A drill restores a database with every feature, and the listing says so", DrillTest.class, "a_database_with_every_feature_is_restored_and_proven_and_the_listing_says_so"),
        new Claim(Operation.backup, "A drill finds a backup that has other rows than it says, and names the table", DrillTest.class, "a_manifest_with_another_count_is_found_and_the_table_named"),
        new Claim(Operation.backup, "A copy in a second bucket is verified and restored with that bucket's settings alone", CopyTest.class, "a_copy_is_listed_verified_and_restored_with_the_settings_of_the_second_bucket_alone"),
        new Claim(Operation.backup, "Pruning removes what no rule keeps, and a dry run only says so", PruneTest.class, "what_no_rule_keeps_is_removed_whole_and_a_dry_run_only_says_so"),
        new Claim(Operation.backup, "A broken backup does not count, so that a good one stays", PruneTest.class, "a_broken_backup_does_not_count_so_that_a_good_one_stays"),
        new Claim(Operation.backup, "No password or key shows in a process, a message, a log or the bucket", SecretsTest.class, "no_secret_shows_in_a_process_a_message_a_log_or_the_bucket"),

        new Claim(Operation.restore, "What was backed up comes back, and the old data stay beside it", RestoreDbTest.class, "what_was_backed_up_comes_back_and_the_old_data_stay_beside_it"),
        new Claim(Operation.restore, "Where only one database is allowed, it is replaced in one transaction", RestoreDbTest.class, "in_one_transaction_what_the_backup_holds_is_replaced"),
        new Claim(Operation.restore, "Every feature of a database survives, whichever way it is restored", FeaturesTest.class, "every_feature_survives_a_restore"),
        new Claim(Operation.restore, "A protected environment is refused", GuardTest.class, "by_its_own_name_it_is_refused_and_told_what_to_do_instead"),
        new Claim(Operation.restore, "It is refused by any other spelling of its address", GuardTest.class, "by_another_spelling_of_its_address_it_is_refused"),
        new Claim(Operation.restore, "It is refused behind a port forward, by what the server says of itself", GuardTest.class, "a_port_forward_to_it_is_found_by_what_the_server_says_of_itself"),
        new Claim(Operation.restore, "A byte flipped anywhere in a backup is found before anybody sees the data", RestoreDbTest.class, "a_flipped_byte_anywhere_is_found_before_anybody_sees_the_data"),
        new Claim(Operation.restore, "Other rows than the manifest says never become visible", RestoreDbTest.class, "other_rows_than_the_manifest_says_never_become_visible"),
        new Claim(Operation.restore, "In place, whatever fails leaves the old data", RestoreDbTest.class, "in_place_whatever_fails_leaves_the_old_data"),
        new Claim(Operation.restore, "Killed after any step, it leaves the old data or the new, and the next run works", RestoreDbTest.class, "a_kill_after_any_step_is_made_good_by_the_next_run"),
        new Claim(Operation.restore, "SQL of one's own makes the data anonymous before anybody can see them", RestoreDbTest.class, "sql_of_ones_own_runs_before_anybody_can_see_the_data"),
        new Claim(Operation.restore, "Lost rows come back from one table while the site goes on", RowsTest.class,
            "an_order_comes_back_with_all_that_was_its_own_and_its_customer_and_nothing_else_changes"),
        new Claim(Operation.restore, "Of several at once, one wins, and the others are sent away or wait", RestoreDbTest.class, "of_several_at_once_one_wins_and_the_others_are_sent_away_or_wait"),

        new Claim(Operation.deploy, "What is live afterwards is the commit, and everything about it is recorded", DeployTest.class, "what_is_live_afterwards_is_the_commit_and_everything_about_it_is_recorded"),
        new Claim(Operation.deploy, "What is not committed is not deployed", DeployTest.class, "what_is_not_committed_is_not_deployed"),
        new Claim(Operation.deploy, "A protected environment wants its branch, a fresh backup and its name", DeployTest.class, "a_protected_environment_is_deployed_from_its_branches_with_a_fresh_backup_and_its_name_given"),
        new Claim(Operation.deploy, "A secret in what was built is seen before anybody else sees it", DeployTest.class, "a_secret_in_what_was_built_is_seen_before_anybody_else_sees_it"),
        new Claim(Operation.deploy, "A release that fails before it is live is seen by nobody; one that fails then is taken back and marked bad (exit 15)",
            DeployTest.class, "a_release_that_fails_is_seen_by_nobody_or_is_taken_back_and_marked_bad"),
        new Claim(Operation.deploy, "A site that still serves the release before gets no release taken back",
            DeployTest.class, "an_edge_that_still_serves_the_release_before_gets_no_release_taken_back"),
        new Claim(Operation.deploy, "When the process alone is killed, nothing that it has started goes on",
            DeployTest.class, "when_it_is_killed_nothing_that_it_has_started_goes_on"),
        new Claim(Operation.deploy, "What can't be told is neither called a success nor taken back (exit 16)", DeployTest.class, "what_can_not_be_told_is_neither_a_success_nor_taken_back"),
        new Claim(Operation.deploy, "Pending migrations are rehearsed in the last backup, and applied before the release is live", DeployTest.class, "migrations_that_are_pending_are_rehearsed_in_the_last_backup_and_applied_before_the_release_is_live"),
        new Claim(Operation.deploy, "A migration that fails on the real rows is caught by the rehearsal", DeployTest.class, "a_migration_that_fails_on_the_real_rows_is_caught_by_the_rehearsal"),
        new Claim(Operation.deploy, "The command lines of Vercel and Cloudflare ship to a stand-in of their services; killed while it has the order, one whole release is live, the next run says which, and what was live before comes back",
            DeployProvidersTest.class, "killed_in_the_middle_of_an_order_one_whole_release_is_live_and_what_was_live_before_comes_back_without_node"),
        new Claim(Operation.deploy, "What the stand-in of Vercel takes and does not do is no success", DeployProvidersTest.class, "what_vercel_takes_and_does_not_do_is_no_success"),
        new Claim(Operation.deploy, "What the stand-in of Cloudflare takes and does not do is no success", DeployProvidersTest.class, "what_cloudflare_takes_and_does_not_do_is_no_success"),

        new Claim(Operation.rollback, "The release before is live again at once, and the one that was left is marked bad", RollbackTest.class, "the_release_before_is_live_again_and_the_one_that_was_left_is_marked_bad"),
        new Claim(Operation.rollback, "What the provider has no more comes from the archive, without Node and git", RollbackTest.class, "what_the_provider_has_no_more_comes_from_the_archive_without_node_and_git"),
        new Claim(Operation.rollback, "An archive that is not what was stored goes nowhere", RollbackTest.class, "an_artifact_that_is_not_what_was_stored_goes_nowhere"),
        new Claim(Operation.rollback, "Behind a migration it refuses, and it never touches the database", RollbackTest.class, "behind_a_migration_it_refuses_and_never_touches_the_database"),
        new Claim(Operation.rollback, "A database that is down keeps nobody from rolling back", RollbackTest.class, "a_database_that_is_down_keeps_nobody_from_rolling_back"),
        new Claim(Operation.rollback, "Interrupted or killed after any step, one whole release is live, and the next run goes on", RollbackTest.class, "a_signal_after_any_step_leaves_one_whole_release_and_the_next_run_goes_on"),
        new Claim(Operation.rollback, "Killed once the site was turned and run again, it goes no release further back",
            RollbackTest.class, "killed_once_the_site_was_turned_and_run_again_it_goes_no_release_further_back"),

        new Claim(Operation.smoke, "A site that is well passes, with a line for each check", SmokeTestsTest.class, "a_site_that_is_well_passes_with_a_line_for_each_check"),
        new Claim(Operation.smoke, "A script that is missing is found though the site answers with its page", SmokeTestsTest.class, "a_fallback_to_the_page_for_scripts_that_are_missing_is_found"),
        new Claim(Operation.smoke, "A script that is missing, empty or cut off is named", SmokeTestsTest.class, "a_bundle_that_is_missing_empty_or_cut_off_is_named"),
        new Claim(Operation.smoke, "Yesterday's commit is not the one expected", SmokeTestsTest.class, "yesterdays_commit_is_not_the_one_expected"),
        new Claim(Operation.smoke, "A health endpoint that says ok though its database is down fails", SmokeTestsTest.class, "health_that_says_ok_though_its_database_is_down_fails"),
        new Claim(Operation.smoke, "An error page that answers 200 is no front end", SmokeTestsTest.class, "an_error_page_that_answers_200_is_no_front_end"),
        new Claim(Operation.smoke, "A known row is read as a visitor reads it, and a hidden one is not", SmokeTestsTest.class, "a_known_row_is_read_through_sql_and_rest_and_a_hidden_one_is_not"),
        new Claim(Operation.smoke, "A white page that answers 200 is found with a real browser", SmokeTestsTest.class, "a_white_page_that_answers_200_is_found_with_a_real_browser"),
        new Claim(Operation.smoke, "A login before the site, or a bot challenge, is never a pass and never a failure (exit 16)", SmokeTestsTest.class, "who_stands_before_the_site_is_not_the_site"),
        new Claim(Operation.smoke, "When this machine's own network is down nothing is said about the site", SmokeTestsTest.class, "when_this_machines_own_network_is_down_nothing_is_said_about_the_site"),
        new Claim(Operation.smoke, "A site that answers every other time does not pass", SmokeTestsTest.class, "a_site_that_answers_every_other_time_does_not_pass"));

    Claim { in(in, method); }

    Method code() { return in(in, method); }

    private static Method in(Class<?> in, String method) {
        return Stream.of(in.getDeclaredMethods()).filter(each -> each.getName().equals(method) && AnnotationSupport.isAnnotated(each, Testable.class)).findFirst()
            .orElseThrow(() -> new IllegalArgumentException(in.getName() + " has no test " + method));
    }

    /** As {@code ./jbang test} prints it, and finds it again. */
    String test() { return in.getSimpleName().replaceFirst("Test$", "") + ": " + method.replace('_', ' '); }
}
