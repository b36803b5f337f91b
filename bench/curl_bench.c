/* What libcurl's multi can do by itself: the same POST again and again, so many at once, nothing kept.
 * curl_bench URL COUNT CONCURRENCY; prints requests a second. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_SIZE 900
#define CONCURRENCY_MAX 100

static size_t ignore(char *data, size_t size, size_t count, void *arg)
{
	(void)data, (void)arg;
	return size * count;
}

static void begin(CURLM *multi, const char *url, const char *body, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_multi_add_handle(multi, easy);
}

int main(int argc, char **argv)
{
	char body[BODY_SIZE + 1];
	struct timespec from, to;
	if (argc != 4)
		return 2;
	long count = atol(argv[2]), at_once = atol(argv[3]), begun = 0, done = 0, good = 0;
	if (at_once > CONCURRENCY_MAX)
		return 2;
	memset(body, 'x', BODY_SIZE);
	body[BODY_SIZE] = '\0';
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURLM *multi = curl_multi_init();
	struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
	clock_gettime(CLOCK_MONOTONIC, &from);
	while (begun < at_once && begun < count) {
		begin(multi, argv[1], body, headers);
		begun++;
	}
	while (done < count) {
		int running, left;
		CURLMsg *m;
		curl_multi_perform(multi, &running);
		while ((m = curl_multi_info_read(multi, &left))) {
			long status = 0;
			CURL *easy = m->easy_handle;
			curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
			good += m->data.result == CURLE_OK && status == 200;
			curl_multi_remove_handle(multi, easy);
			curl_easy_cleanup(easy);
			done++;
			if (begun < count) {
				begin(multi, argv[1], body, headers);
				begun++;
			}
		}
		if (done < count)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%.0f\n", (double)good / seconds);
	curl_slist_free_all(headers);
	curl_multi_cleanup(multi);
	curl_global_cleanup();
	return good == count ? 0 : 1;
}
