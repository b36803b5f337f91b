/*
 * Audio of calls that a relay passes on: rtp_load SECONDS [KEY_SECONDS] < calls, a line each:
 *   PORT_A RELAY_A PORT_B RELAY_B
 * Each 20 ms a packet of PCMU goes from A and from B to the relay; it comes out at the other. Without B (0 0) the far side
 * talks to A itself. With KEY_SECONDS each A presses a key that often, each call at its own time: for 100 ms its packets
 * are RFC 4733 events instead, and three more tell the end. Prints how many went and came, and how long they took; with keys,
 * how long it took from the key's first packet to the first of the prompt that begins anew, which has the marker bit.
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
#define OURS "rtp_load" /* behind the time in each packet that is to be passed on */

static struct end {
	int fd;
	uint16_t sequence;
	bool presses;
	_Atomic int64_t pressed_ns; /* 0: nothing was, since its prompt began */
} ends[ENDS_MAX];
static size_t end_count;
static atomic_bool over;
static uint64_t sent, keys, received, timed, slowest_us, buckets[BUCKETS + 1];

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

static void take(struct end *e, const uint8_t *packet, ssize_t len)
{
	int64_t since;
	if (len != 172 || packet[1] % 128 != 0)
		return;
	if (!e->presses && memcmp(packet + 20, OURS, sizeof OURS) != 0)
		return; /* comfort noise, once we are silent */
	received++;
	if (!e->presses)
		memcpy(&since, packet + 12, sizeof since);
	else if (!(packet[1] & 0x80) || !(since = atomic_exchange(&e->pressed_ns, 0)))
		return;
	uint64_t us = (uint64_t)(now_ns() - since) / 1000;
	timed++;
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
		epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i].fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &ends[i]});
	while (!over) {
		int n = epoll_wait(epoll, events, 256, 100);
		for (int i = 0; i < n; i++) {
			struct end *e = events[i].data.ptr;
			for (ssize_t len; (len = recv(e->fd, packet, sizeof packet, 0)) > 0;)
				take(e, packet, len);
		}
	}
	close(epoll);
	return NULL;
}

static void send_packet(struct end *e, size_t i, int type, bool marked, uint32_t at, uint8_t *packet, size_t len)
{
	uint16_t sequence = e->sequence++;
	const uint8_t header[12] = {0x80, (uint8_t)(type | (marked ? 0x80 : 0)), (uint8_t)(sequence >> 8), (uint8_t)sequence, (uint8_t)(at >> 24), (uint8_t)(at >> 16), (uint8_t)(at >> 8), (uint8_t)at, (uint8_t)(i >> 8), (uint8_t)i, 1, 1};
	memcpy(packet, header, sizeof header);
	sent += send(e->fd, packet, len, 0) == (ssize_t)len && type == 0;
}

/* In place of audio a key that is held for 100 ms; false: none is pressed now. */
static bool press(struct end *e, size_t i, uint32_t frame, uint32_t every)
{
	uint32_t since = (frame + (uint32_t)i * 7919) % every;
	if (since > 5 || frame < since)
		return false;
	bool last = since == 5;
	uint32_t held = (last ? since : since + 1) * 160;
	for (int k = 0; k < (last ? 3 : 1); k++) { /* RFC 4733 §2.5.1.4 */
		uint8_t packet[16] = {[12] = 5, [13] = last ? 0x8a : 10, [14] = (uint8_t)(held >> 8), [15] = (uint8_t)held};
		send_packet(e, i, 101, since == 0, (frame - since) * 160, packet, sizeof packet);
	}
	keys += since == 0;
	if (since == 0)
		e->pressed_ns = now_ns();
	return true;
}

static double percentile(double share)
{
	uint64_t sum = 0;
	for (size_t i = 0; i <= BUCKETS; i++)
		if ((double)(sum += buckets[i]) >= share * (double)timed)
			return (double)(i + 1) * BUCKET_US;
	return 0;
}

int main(int argc, char **argv)
{
	int a, relay_a, b, relay_b;
	pthread_t listener;
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	uint32_t every = argc > 2 ? (uint32_t)(atof(argv[2]) * 50) : 0;
	while (end_count + 2 <= ENDS_MAX && scanf("%d %d %d %d", &a, &relay_a, &b, &relay_b) == 4) {
		ends[end_count++] = (struct end){.fd = open_end(a, relay_a), .presses = every > 0};
		if (b)
			ends[end_count++] = (struct end){.fd = open_end(b, relay_b)};
	}
	pthread_create(&listener, NULL, hear, NULL);
	int64_t began = now_ns();
	for (uint32_t frame = 0; frame < seconds * 50; frame++)
		for (size_t i = 0; i < end_count; i++) {
			uint8_t packet[172] = {0};
			int64_t due = began + (int64_t)frame * FRAME_NS + (int64_t)(i * FRAME_NS / end_count), now;
			while ((now = now_ns()) < due) { /* spread over the 20 ms, as calls are */
				struct timespec wait = {0, due - now};
				nanosleep(&wait, NULL);
			}
			if (ends[i].presses && press(&ends[i], i, frame, every))
				continue;
			memcpy(packet + 12, &now, sizeof now);
			memcpy(packet + 20, OURS, sizeof OURS);
			send_packet(&ends[i], i, 0, frame == 0, frame * 160, packet, sizeof packet);
		}
	usleep(300000);
	over = true;
	pthread_join(listener, NULL);
	printf("sent %llu\nkeys %llu\nreceived %llu\np50_us %.0f\np99_us %.0f\nslowest_us %llu\n", (unsigned long long)sent, (unsigned long long)keys, (unsigned long long)received, percentile(0.5), percentile(0.99), (unsigned long long)slowest_us);
	return 0;
}
