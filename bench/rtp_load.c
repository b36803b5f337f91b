/*
 * Audio of calls that a relay passes on: rtp_load SECONDS < calls, a line each:
 *   PORT_A RELAY_A PORT_B RELAY_B
 * Each 20 ms a packet of PCMU goes from A and from B to the relay; it comes out at the other. Prints how many went and
 * came, and how long they took.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ENDS_MAX 20000
#define FRAME_NS 20000000
#define BUCKET_US 10
#define BUCKETS 100000

static int ends[ENDS_MAX];
static size_t end_count;
static atomic_bool over;
static uint64_t received, slowest_us, buckets[BUCKETS + 1];

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int open_end(int port, int relay)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, remote = local;
	remote.sin_port = htons((uint16_t)relay);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof local) != 0 || connect(fd, (struct sockaddr *)&remote, sizeof remote) != 0) {
		perror("rtp_load");
		exit(1);
	}
	return fd;
}

static void take(const uint8_t *packet, ssize_t len)
{
	int64_t sent;
	if (len != 172 || packet[1] % 128 != 0)
		return;
	memcpy(&sent, packet + 12, sizeof sent);
	uint64_t us = (uint64_t)(now_ns() - sent) / 1000;
	received++;
	slowest_us = us > slowest_us ? us : slowest_us;
	buckets[us / BUCKET_US < BUCKETS ? us / BUCKET_US : BUCKETS]++;
}

static void *hear(void *arg)
{
	int epoll = epoll_create1(0);
	struct epoll_event events[256];
	uint8_t packet[2048];
	(void)arg;
	for (size_t i = 0; i < end_count; i++)
		epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i], &(struct epoll_event){.events = EPOLLIN, .data.fd = ends[i]});
	while (!over) {
		int n = epoll_wait(epoll, events, 256, 100);
		for (int i = 0; i < n; i++)
			for (ssize_t len; (len = recv(events[i].data.fd, packet, sizeof packet, 0)) > 0;)
				take(packet, len);
	}
	close(epoll);
	return NULL;
}

static double percentile(double share)
{
	uint64_t sum = 0;
	for (size_t i = 0; i <= BUCKETS; i++)
		if ((double)(sum += buckets[i]) >= share * (double)received)
			return (double)(i + 1) * BUCKET_US;
	return 0;
}

int main(int argc, char **argv)
{
	int a, relay_a, b, relay_b;
	uint64_t sent = 0;
	pthread_t listener;
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	while (end_count + 2 <= ENDS_MAX && scanf("%d %d %d %d", &a, &relay_a, &b, &relay_b) == 4) {
		ends[end_count++] = open_end(a, relay_a);
		ends[end_count++] = open_end(b, relay_b);
	}
	pthread_create(&listener, NULL, hear, NULL);
	int64_t began = now_ns();
	for (uint32_t frame = 0; frame < seconds * 50; frame++)
		for (size_t i = 0; i < end_count; i++) {
			uint8_t packet[172] = {0x80, frame ? 0 : 0x80, (uint8_t)(frame >> 8), (uint8_t)frame, (uint8_t)(frame * 160 >> 24), (uint8_t)(frame * 160 >> 16), (uint8_t)(frame * 160 >> 8), (uint8_t)(frame * 160), (uint8_t)(i >> 8), (uint8_t)i, 1, 1};
			int64_t due = began + (int64_t)frame * FRAME_NS + (int64_t)(i * FRAME_NS / end_count), now;
			while ((now = now_ns()) < due) { /* spread over the 20 ms, as calls are */
				struct timespec wait = {0, due - now};
				nanosleep(&wait, NULL);
			}
			memcpy(packet + 12, &now, sizeof now);
			sent += send(ends[i], packet, sizeof packet, 0) == sizeof packet;
		}
	usleep(300000);
	over = true;
	pthread_join(listener, NULL);
	printf("sent %llu\nreceived %llu\np50_us %.0f\np99_us %.0f\nslowest_us %llu\n", (unsigned long long)sent, (unsigned long long)received, percentile(0.5), percentile(0.99), (unsigned long long)slowest_us);
	return 0;
}
