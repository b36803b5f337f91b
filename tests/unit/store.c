#include "test.h"
#include "base/id.h"
#include "store/store.h"
#include "store/totals.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* STROWGER_TEST_POSTGRES names a database to run on as well; tests/e2e/store.test.ts starts one. */
static const char *urls[2];

struct count_job {
	struct store_job job;
	const char *sql;
	atomic_int *committed, *failed, *left;
};

static bool run(struct store_job *job, struct store_conn *conn)
{
	return store_exec(conn, ((struct count_job *)job)->sql, "");
}

static void done(struct store_job *job, bool committed)
{
	struct count_job *c = (struct count_job *)job;
	++*(committed ? c->committed : c->failed);
	--*c->left;
}

static void test_one_bad_job_does_not_take_its_neighbours_along(void **state)
{
	struct error err;
	(void)state;
	for (int u = 0; u < 2 && urls[u]; u++) {
		atomic_int committed = 0, failed = 0, left = 100;
		static struct count_job jobs[100];
		struct store *s = store_open(urls[u], &err);
		if (!s)
			fail_msg("%s", err.text);
		for (int i = 0; i < 100; i++) {
			jobs[i] = (struct count_job){{.run = run, .done = done}, i % 10 == 3 ? "INSERT INTO no_such_table VALUES (1)" : "INSERT INTO audit (id, organization_id, actor, action, resource_id, doc, created_at) SELECT CAST(COUNT(*) AS TEXT), '', '', '', '', '', 0 FROM audit", &committed, &failed, &left};
			assert_true(store_submit(s, &jobs[i].job)); /* all queued before the writer starts: one group */
		}
		assert_true(store_start_writer(s, &err));
		while (left)
			usleep(1000);
		assert_int_equal(committed, 90);
		assert_int_equal(failed, 10);
		struct store_rows *rows = store_query(store_reader(s), "SELECT COUNT(*) FROM audit", "");
		assert_int_equal(rows_int(rows, 0, 0), 90);
		rows_free(rows);
		store_close(s);
	}
}

static void test_a_newer_schema_is_refused(void **state)
{
	struct error err;
	(void)state;
	struct store *s = store_open(urls[0], &err);
	assert_non_null(s);
	struct store_conn *c = store_connect(s, false, &err);
	assert_true(store_exec(c, "INSERT INTO schema_migrations VALUES (99, 0)", ""));
	store_disconnect(c);
	store_close(s);
	assert_null(store_open(urls[0], &err));
	assert_non_null(strstr(err.text, "newer"));
}

static void test_batches_keep_their_order_and_fail_whole(void **state)
{
	struct error err;
	(void)state;
	for (int u = 0; u < 2 && urls[u]; u++) {
		struct store *s = store_open(urls[u], &err);
		struct store_conn *c = store_connect(s, false, &err);
		struct store_batch *b = store_batch_new();
		char value[] = "one";
		store_batch_add(b, "INSERT INTO sessions (token_hash, organization_id, user_id, csrf, expires_at) VALUES ($1, 'o', 'u', $2, $3)", "ssi", "t", value, (int64_t)5);
		value[0] = 'X'; /* parameters were copied */
		store_batch_add(b, "UPDATE sessions SET expires_at = $1 WHERE token_hash = $2", "is", (int64_t)7, "t");
		assert_true(store_begin(c) && store_batch_run(b, c) && store_commit(c));
		assert_false(store_begin(c) && store_batch_run(b, c) && store_commit(c)); /* the key is taken */
		store_rollback(c);
		struct store_rows *rows = store_query(c, "SELECT csrf, expires_at FROM sessions WHERE token_hash = $1", "s", "t");
		assert_string_equal(rows_text(rows, 0, 0), "one");
		assert_int_equal(rows_int(rows, 0, 1), 7);
		rows_free(rows);
		store_batch_free(b);
		store_disconnect(c);
		store_close(s);
	}
}

static int64_t sum_of(struct store_conn *c, const char *organization_id, const char *dimension, const char *key, size_t column)
{
	struct store_rows *rows = store_query(c, "SELECT SUM(calls), SUM(revenue) FROM call_sums WHERE organization_id = $1 AND dimension = $2 AND key = $3", "sss", organization_id, dimension, key);
	int64_t sum = rows_int(rows, 0, column);
	rows_free(rows);
	return sum;
}

static void test_calls_of_one_transaction_are_added_up_together(void **state)
{
	struct error err;
	(void)state;
	for (int u = 0; u < 2 && urls[u]; u++) {
		struct store *s = store_open(urls[u], &err);
		struct store_conn *c = store_connect(s, false, &err);
		struct arena arena = {0};
		struct tag_set *tags = tag_set_build(NULL, "US", &arena);
		assert_true(store_begin(c));
		for (int i = 0; i < 50; i++) { /* more than go into one statement; each third of the other organization; campaigns 0 to 4 */
			const char *organization = i % 3 ? "a" : "b";
			char id[ID_SIZE], campaign[8];
			snprintf(id, sizeof id, "call_%d", i);
			snprintf(campaign, sizeof campaign, "c%d", i % 5);
			struct store_batch *b = store_batch_new();
			store_batch_add(b, "INSERT INTO calls (id, organization_id, campaign_id, caller_id, number, status, execution_mode, started_at, revenue, doc) VALUES ($1, $2, $3, '', '', 'completed', '', $4, $5, '{}')", "sssii", id, organization, campaign, i * INT64_C(100000), (int64_t)i);
			totals_add(b, organization, id, tags);
			assert_true(store_batch_run(b, c));
			store_batch_free(b);
		}
		/* One of them changes before the commit. */
		assert_true(totals_count(c, "a", "call_49", tags, -1));
		assert_true(store_exec(c, "UPDATE calls SET revenue = 1000 WHERE id = 'call_49'", ""));
		assert_true(totals_count(c, "a", "call_49", tags, 1));
		assert_true(store_commit(c));
		assert_int_equal(sum_of(c, "a", "", "", 0), 33);
		assert_int_equal(sum_of(c, "b", "", "", 0), 17);
		assert_int_equal(sum_of(c, "a", "", "", 1) + sum_of(c, "b", "", "", 1), 49 * 48 / 2 + 1000);
		assert_int_equal(sum_of(c, "a", "campaign", "c4", 0), 7); /* 4, 14, 19, 29, 34, 44, 49 */
		assert_int_equal(sum_of(c, "a", "campaign", "c4", 1), 4 + 14 + 19 + 29 + 34 + 44 + 1000);
		struct store_rows *rows = store_query(c, "SELECT COUNT(*), SUM(calls) FROM call_totals", "");
		assert_true(rows_int(rows, 0, 0) > 10); /* half hours */
		assert_int_equal(rows_int(rows, 0, 1), 50);
		rows_free(rows);
		/* What is rolled back is not added up by the next commit. */
		struct store_batch *b = store_batch_new();
		totals_add(b, "a", "call_1", tags);
		assert_true(store_begin(c) && store_batch_run(b, c));
		store_rollback(c);
		assert_true(store_begin(c) && store_commit(c));
		assert_int_equal(sum_of(c, "a", "", "", 0), 33);
		store_batch_free(b);
		arena_free(&arena);
		store_disconnect(c);
		store_close(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_bad_job_does_not_take_its_neighbours_along), cmocka_unit_test(test_batches_keep_their_order_and_fail_whole), cmocka_unit_test(test_calls_of_one_transaction_are_added_up_together),
		cmocka_unit_test(test_a_newer_schema_is_refused),
	};
	char folder[] = "/tmp/strowger-store-XXXXXX", url[64];
	if (!mkdtemp(folder))
		return 1;
	snprintf(url, sizeof url, "sqlite:%s/t.db", folder);
	urls[0] = url;
	urls[1] = getenv("STROWGER_TEST_POSTGRES");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
