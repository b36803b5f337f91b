/* The scripts' pool and its worker: what scripts can do, and what hostile ones cannot. */
#include "test.h"
#include "script/script.h"
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct script_pool *pool;
static const char *worker;

static struct script_answer *run(const char *code, const char *arguments)
{
	struct script_answer *a = script_pool_wait(pool, &(struct script_request){NULL, code, arguments, 1700000000123, 7, 5000});
	assert_non_null(a);
	return a;
}

static void returns(const char *code, const char *result)
{
	struct script_answer *a = run(code, "{\"call\":{\"id\":\"call_1\"},\"tags\":{\"state\":\"TX\",\"score\":82},\"vars\":{},\"number\":{},\"time\":{}}");
	if (!a->ok)
		print_message("%s: %s\n", code, a->error);
	assert_true(a->ok);
	assert_string_equal(a->result, result);
	script_answer_free(a);
}

static void fails(const char *code, const char *why)
{
	struct script_answer *a = run(code, "{}");
	assert_false(a->ok);
	assert_null(a->result);
	if (!strstr(a->error, why))
		print_message("%s: %s\n", code, a->error);
	assert_non_null(strstr(a->error, why));
	script_answer_free(a);
}

static void test_values(void **state)
{
	(void)state;
	returns("return {port: tags.score > 80 ? 'good' : 'bad', tags: {tier: tags.state + '1'}, vars: {n: 1.5, yes: true, none: null}}", "{\"port\":\"good\",\"tags\":{\"tier\":\"TX1\"},\"vars\":{\"n\":1.5,\"yes\":true,\"none\":null}}");
	returns("", "{}");
	returns("return null", "{}");
	returns("// a comment at the end", "{}");
	returns("return {vars: {name: 'Zo\\u00eb \\ud83d\\ude00'}}", "{\"vars\":{\"name\":\"Zo\xc3\xab \xf0\x9f\x98\x80\"}}");
	returns("let {id} = call; return {vars: {id, list: [1, 2, 3].flatMap(x => [x, x]).at(-1), last: 'a-b'.replaceAll('-', '+')}}", "{\"vars\":{\"id\":\"call_1\",\"list\":3,\"last\":\"a+b\"}}");
}

static void test_errors(void **state)
{
	(void)state;
	fails("\n  nothing.here()", "ReferenceError: Can't find variable: nothing (line 2, column");
	fails("throw new Error('no luck')", "Error: no luck (line 1");
	fails("throw 'a text'", "a text");
	fails("return 5", "a script returns an object");
	fails("return [1]", "a script returns an object");
	fails("return Promise.resolve({})", "a script cannot wait");
	fails("let o = {}; o.o = o; return o", "cyclic");
	fails("return {vars: {x: 'x'.repeat(70000)}}", "longer than 64 KiB");
	fails("return {", "SyntaxError");
	fails("}); (function () { return {}", "SyntaxError"); /* code cannot leave its function */
}

static void test_compile(void **state)
{
	struct error err;
	(void)state;
	assert_true(script_pool_check(pool, NULL, "while (true) {}", NULL, &err)); /* compiled, not run */
	assert_true(script_pool_check(pool, NULL, "return {port: `a${1 ?? 2}`}", NULL, &err));
	assert_true(script_pool_check(pool, NULL, "while (true) {}", NULL, &err)); /* from memory now */
	static const char *const wrong[][2] = {
		{"let a = 1\nlet b = (2\nreturn {}", "SyntaxError: Unexpected keyword 'return'. Expected ')' to end a compound expression. (line 3, column 1)"},
		{"let a = ;", "(line 1, column 9)"},
		{"let a = [1, 2, 3];\nreturn a ] ;", "(line 2, column 10)"},
		{"if (1) {\n  return {}\n", "(line 3, column 1)"},
		{"let s = 'abc\nreturn {}", "(line 1, column"},
		{"return 1 +", "(line 1, column 11)"},
		{"let x = 1; let x = 2", "(line 1, column 16)"},
		{"await 1", "(line 1, column 7)"},
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_false(script_pool_check(pool, NULL, wrong[i][0], NULL, &err));
		print_message("%s\n", err.text);
		assert_non_null(strstr(err.text, "SyntaxError: "));
		assert_non_null(strstr(err.text, wrong[i][1]));
	}
}

static void test_console(void **state)
{
	(void)state;
	struct script_answer *a = run("console.log('a', 1, {b: [2]}, undefined); console.warn('second'); return {}", "{}");
	assert_true(a->ok);
	assert_string_equal(a->log, "a 1 {\"b\":[2]} undefined\nsecond");
	script_answer_free(a);
	a = run("for (let i = 0; i < 3000; i++) console.log('\\u00e9\\u00e9\\u00e9'); throw new Error('late')", "{}");
	assert_false(a->ok);
	assert_true(strlen(a->log) <= SCRIPT_LOG_MAX && strlen(a->log) > SCRIPT_LOG_MAX - 4);
	json_t *text = json_string(a->log); /* refuses what is no UTF-8 */
	assert_non_null(text);
	json_decref(text);
	script_answer_free(a);
}

static void test_time_and_chance(void **state)
{
	(void)state;
	returns("return {vars: {now: Date.now(), iso: new Date().toISOString(), again: new Date(0).constructor.now()}}", "{\"vars\":{\"now\":1700000000123,\"iso\":\"2023-11-14T22:13:20.123Z\",\"again\":1700000000123}}");
	returns("let t = Date.now(); for (let i = 0; i < 100000; i++); return {vars: {passed: Date.now() - t, zone: new Date().getTimezoneOffset()}}", "{\"vars\":{\"passed\":0,\"zone\":0}}");
	returns("return {vars: {clocks: [typeof performance, typeof Atomics, typeof SharedArrayBuffer, typeof setTimeout, typeof WebAssembly].join()}}", "{\"vars\":{\"clocks\":\"undefined,undefined,undefined,undefined,undefined\"}}");
	struct script_answer *a = run("return {vars: {a: Math.random(), b: Math.random()}}", "{}"), *b = run("return {vars: {a: Math.random(), b: Math.random()}}", "{}");
	assert_string_equal(a->result, b->result); /* of one seed */
	json_t *json = json_loads(a->result, 0, NULL), *vars = json_object_get(json, "vars");
	double x = json_real_value(json_object_get(vars, "a")), y = json_real_value(json_object_get(vars, "b"));
	assert_true(x >= 0 && x < 1 && y >= 0 && y < 1 && x != y);
	json_decref(json);
	script_answer_free(a);
	script_answer_free(b);
}

static void test_limits(void **state)
{
	(void)state;
	fails("for (;;);", "more than 50 ms of CPU");
	fails("return {a: /^(a+)+$/.test('a'.repeat(40) + '!')}", "more than 50 ms of CPU");
	fails("try { for (;;) try { for (;;); } finally { continue } } catch {}", "more than 50 ms of CPU");
	fails("const f = () => f(); f()", "Maximum call stack");
	returns("const f = n => n && 1 + f(n - 1); return {vars: {deep: f(5000)}}", "{\"vars\":{\"deep\":5000}}");
	fails("'x'.repeat(1e9)", "Out of memory");
	fails("new ArrayBuffer(1e9)", "Out of memory");
	struct script_answer *a = run("let a = []; for (;;) a.push(new Array(1000).fill(a.length))", "{}");
	assert_false(a->ok);
	print_message("%s\n", a->error);
	assert_true(strstr(a->error, "memory") || strstr(a->error, "CPU"));
	script_answer_free(a);
	a = run("let o = {}; for (let i = 0;; i++) o['k' + i] = new Array(100).fill(i)", "{}");
	assert_false(a->ok);
	print_message("%s\n", a->error);
	script_answer_free(a);
	returns("return {port: 'still'}", "{\"port\":\"still\"}");
}

static void test_nothing_is_shared(void **state)
{
	(void)state;
	returns("Object.prototype.evil = 1; Array.prototype.map = () => 'gone'; globalThis.secret = tags; JSON.stringify = () => '{}'; String.prototype.toJSON = () => 1; return {port: 'a'}", "{\"port\":\"a\"}");
	returns("return {vars: {evil: String({}.evil), map: String([1].map(x => x + 1)), secret: typeof secret}}", "{\"vars\":{\"evil\":\"undefined\",\"map\":\"2\",\"secret\":\"undefined\"}}");
}

static void test_nothing_is_reached(void **state)
{
	(void)state;
	returns("return {vars: {found: ['require', 'process', 'fetch', 'XMLHttpRequest', 'WebSocket', 'Deno', 'Bun', 'load', 'read', 'readFile', 'print', 'quit', 'gc', 'imports', 'importScripts', 'Worker', '$vm', 'window', 'setInterval', 'queueMicrotask'].filter(n => n in globalThis)}}", "{\"vars\":{\"found\":[]}}");
	fails("return import('fs')", "");
	fails("return (async () => { await 1 })()", "a script cannot wait");
	returns("return {vars: {outer: (function () { return this === globalThis })(), made: new Function('return typeof process')()}}", "{\"vars\":{\"outer\":true,\"made\":\"undefined\"}}");
}

static void test_many(void **state)
{
	enum { MANY = 200 };
	struct mailbox *box = mailbox_create(MANY);
	bool seen[MANY] = {false};
	size_t got = 0;
	(void)state;
	for (uint64_t i = 0; i < MANY; i++) {
		char arguments[40];
		snprintf(arguments, sizeof arguments, "{\"vars\":{\"i\":%d}}", (int)i);
		assert_int_not_equal(0, script_pool_run(pool, &(struct script_request){NULL, i % 10 == 3 ? "for (;;);" : "return {vars: {i: vars.i}}", arguments, 0, 1, 20000}, box, i));
	}
	while (got < MANY) {
		mailbox_wait(box, -1);
		for (struct mail *m = mailbox_take_all(box), *next; m; m = next) {
			struct script_answer *a = (struct script_answer *)(void *)m;
			char expected[40];
			next = m->next;
			snprintf(expected, sizeof expected, "{\"vars\":{\"i\":%d}}", (int)a->owner);
			assert_false(seen[a->owner]);
			seen[a->owner] = true;
			assert_int_equal(a->owner % 10 != 3, a->ok);
			if (a->ok)
				assert_string_equal(a->result, expected);
			script_answer_free(a);
			got++;
		}
	}
	mailbox_destroy(box);
}

/* Another organization's script comes before those that one has waiting, however many they are. */
static void test_organizations_take_turns(void **state)
{
	enum { ENDLESS = 300, AHEAD_MAX = 40 };
	struct mailbox *box = mailbox_create(ENDLESS + 1);
	const struct script_request endless = {"org_bad", "for (;;);", "{}", 0, 1, 2000};
	const struct script_request quick = {"org_good", "return {}", "{}", 0, 1, 20000};
	size_t got = 0, before = 0;
	(void)state;
	for (uint64_t i = 0; i < ENDLESS; i++)
		assert_int_not_equal(0, script_pool_run(pool, &endless, box, 0));
	assert_int_not_equal(0, script_pool_run(pool, &quick, box, 1));
	while (got < ENDLESS + 1) {
		mailbox_wait(box, -1);
		for (struct mail *m = mailbox_take_all(box), *next; m; m = next) {
			struct script_answer *a = (struct script_answer *)(void *)m;
			next = m->next;
			if (a->owner == 1) {
				assert_true(a->ok);
				before = got;
			}
			script_answer_free(a);
			got++;
		}
	}
	assert_true(before < AHEAD_MAX);
	mailbox_destroy(box);
}

static void test_one_organization_cannot_fill_the_queue(void **state)
{
	enum { MOST = 400 };
	struct mailbox *box = mailbox_create(MOST + 1);
	const struct script_request endless = {"org_bad", "for (;;);", "{}", 0, 1, 300};
	const struct script_request quick = {"org_good", "return {}", "{}", 0, 1, 20000};
	(void)state;
	for (int i = 0; i < MOST; i++)
		assert_int_not_equal(0, script_pool_run(pool, &endless, box, 0));
	size_t refused = 0, got = 0;
	for (int i = 0; i < 5; i++)
		refused += script_pool_run(pool, &endless, box, 0) == 0;
	assert_true(refused > 0); /* some may have ended meanwhile */
	struct script_answer *a = script_pool_wait(pool, &quick);
	assert_non_null(a);
	assert_true(a->ok);
	script_answer_free(a);
	while (got < MOST + 5 - refused) {
		mailbox_wait(box, -1);
		for (struct mail *m = mailbox_take_all(box), *next; m; m = next, got++) {
			next = m->next;
			script_answer_free((struct script_answer *)(void *)m);
		}
	}
	mailbox_destroy(box);
}

static void test_cpu_is_counted(void **state)
{
	(void)state;
	struct script_answer *a = script_pool_wait(pool, &(struct script_request){
		NULL, "let n = 0; for (let i = 0; i < 20000; i++) n += i; return {}", "{}", 0, 1, 5000});
	assert_true(a->ok);
	assert_true(a->used_us > 0 && a->used_us <= SCRIPT_CPU_MS * 1000);
	script_answer_free(a);
	a = script_pool_wait(pool, &(struct script_request){NULL, "for (;;);", "{}", 0, 1, 5000});
	assert_false(a->ok);
	assert_true(a->used_us > 0 && a->used_us <= SCRIPT_CPU_MS * 1000);
	script_answer_free(a);
}

static void test_refusals(void **state)
{
	struct script_answer *a;
	struct error err;
	(void)state;
	char *code = malloc(SCRIPT_CODE_MAX + 2);
	memset(code, ' ', SCRIPT_CODE_MAX + 1);
	code[SCRIPT_CODE_MAX + 1] = '\0';
	assert_null(script_pool_wait(pool, &(struct script_request){NULL, code, "{}", 0, 1, 1000}));
	free(code);
	struct script_pool *broken = script_pool_create("/nonexistent/worker", &err);
	assert_non_null(broken);
	a = script_pool_wait(broken, &(struct script_request){NULL, "return {}", "{}", 0, 1, 1000});
	assert_false(a->ok);
	assert_true(a->no_worker);
	assert_non_null(strstr(a->error, "cannot be started"));
	script_answer_free(a);
	assert_true(script_pool_check(broken, NULL, "let = ;", NULL, &err)); /* nobody can tell */
	script_pool_free(broken);
}

/* The process whose parent is this one. */
static pid_t child(void)
{
	char path[300], line[300];
	int parent;
	pid_t found = 0;
	DIR *d = opendir("/proc");
	for (struct dirent *e; (e = readdir(d));) {
		pid_t pid = atoi(e->d_name);
		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		FILE *f = pid > 0 ? fopen(path, "r") : NULL;
		if (f && fgets(line, sizeof line, f) && sscanf(strrchr(line, ')') + 2, "%*c %d", &parent) == 1 && parent == getpid())
			found = pid;
		if (f)
			fclose(f);
	}
	closedir(d);
	return found;
}

static void test_worker_dies(void **state)
{
	(void)state;
	pid_t before = child();
	assert_int_not_equal(0, before);
	kill(before, SIGKILL);
	/* what is asked while nobody has seen it die is answered too, and soon there is another one */
	for (int i = 0; i < 500 && child() == before; i++) {
		script_answer_free(run("return {port: 'x'}", "{}"));
		usleep(10000);
	}
	assert_int_not_equal(before, child());
	for (bool ok = false; !ok;) {
		struct script_answer *a = run("return {port: 'x'}", "{}");
		ok = a->ok;
		assert_true(ok || a->no_worker);
		script_answer_free(a);
	}
}

static int open_pool(void **state)
{
	struct error err;
	(void)state;
	pool = script_pool_create(worker, &err);
	return pool ? 0 : -1;
}

static int close_pool(void **state)
{
	(void)state;
	script_pool_free(pool);
	return child() == 0 ? 0 : -1; /* the worker has ended with it */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_errors), cmocka_unit_test(test_compile), cmocka_unit_test(test_console), cmocka_unit_test(test_time_and_chance),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_nothing_is_shared), cmocka_unit_test(test_nothing_is_reached), cmocka_unit_test(test_many),
		cmocka_unit_test(test_organizations_take_turns),
		cmocka_unit_test(test_one_organization_cannot_fill_the_queue),
		cmocka_unit_test(test_cpu_is_counted),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_worker_dies),
	};
	worker = argc > 1 ? argv[1] : NULL;
	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
