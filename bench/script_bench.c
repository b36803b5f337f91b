/* script_bench WORKER COUNT: how long a small script takes, from the request to its answer, one every 10 ms. */
#include "base/clock.h"
#include "script/script.h"
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	static const struct script_request request = {
		NULL,
		"const score = (tags.score ?? 0) + (number.state === 'TX' ? 10 : 0)\n"
		"return {port: score > 80 ? 'good' : 'bad', tags: {score}, vars: {tier: score > 80 ? 'gold' : 'silver'}}",
		"{\"call\":{\"id\":\"call_1\",\"caller_id\":\"+15125550100\"},\"tags\":{\"score\":82,\"state\":\"TX\"},\"vars\":{},\"number\":{\"state\":\"TX\"},\"time\":{\"hour\":9}}",
		1790000000000, 1, 5000,
	};
	int count = argc > 2 ? atoi(argv[2]) : 1000, failed = 0;
	struct error err;
	struct script_pool *pool = script_pool_create(argc > 1 ? argv[1] : NULL, &err);
	double *took = malloc(sizeof *took * (size_t)(count + 20));
	if (!pool || !took)
		return 1;
	for (int i = -20; i < count; i++) { /* the first start the worker */
		double began = now_us();
		struct script_answer *a = script_pool_wait(pool, &request);
		took[i + 20] = now_us() - began;
		failed += !a || !a->ok;
		script_answer_free(a);
		usleep(10000);
	}
	script_pool_free(pool);
	qsort(took + 20, (size_t)count, sizeof *took, compare);
	printf("{\"p50_us\": %.0f, \"p99_us\": %.0f, \"max_us\": %.0f, \"failed\": %d}\n", took[20 + count / 2], took[20 + count * 99 / 100], took[20 + count - 1], failed);
	free(took);
	return 0;
}
