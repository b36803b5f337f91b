/* What carriers say of a call, out of messages as they come over the wire. */
#include "test.h"
#include "sip/carrier.h"
#include <sofia-sip/msg.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>

static msg_t *message(const char *uri, const char *from, const char *headers)
{
	char text[4000];
	int n = snprintf(text, sizeof text,
		"INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n"
		"From: %s;tag=1\r\nTo: <sip:+15125550100@b.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
		"%sContent-Length: 0\r\n\r\n",
		uri, from, headers);
	msg_t *m = msg_make(sip_default_mclass(), 0, text, n);
	assert_non_null(m);
	assert_non_null(sip_object(m)->sip_from);
	return m;
}

/* payload {"attest":"A"} and the like, without padding */
#define PASSPORT(payload) "Identity: eyJhbGciOiJFUzI1NiJ9." payload ".c2ln;info=<https://c.example/c>\r\n"
#define CLAIMS_A "eyJhdHRlc3QiOiJBIn0"
#define CLAIMS_B "eyJhdHRlc3QiOiJCIn0"
#define CLAIMS_NOTHING "e30"

static void test_parameters_are_read_wherever_they_are(void **state)
{
	static const struct {
		const char *uri, *from, *headers, *rn, *verstat, *cpc, *oli;
	} cases[] = {
		{"sip:+15125550100@b", "<sip:+12145550123@a>", "", "", "", "", ""},
		{"sip:+15125550100;npdi;rn=+15125550999@b;user=phone",
		 "<sip:+12145550123;verstat=TN-Validation-Passed@a;user=phone>", "", "+15125550999",
		 "TN-Validation-Passed", "", ""},
		{"sip:5125550100;rn=5125550999;rn-context=+1@b", "<sip:+12145550123;cpc=payphone@a>", "",
		 "+15125550999", "", "payphone", ""},
		{"tel:+15125550100;npdi;rn=+1-512-555-0999", "<tel:+12145550123;isup-oli=27>", "",
		 "+1-512-555-0999", "", "", "27"},
		{"sip:+15125550100@b", "<sip:+12145550123@a;isup-oli=61;CPC=ordinary>", "", "", "",
		 "ordinary", "61"},
		{"sip:+15125550100@b", "<sip:+12145550123@a>;verstat=No-TN-Validation", "", "",
		 "No-TN-Validation", "", ""},
		{"sip:+15125550100@b", "<sip:anonymous@anonymous.invalid>",
		 "P-Asserted-Identity: <sip:a@b>\r\n"
		 "P-Asserted-Identity: <tel:+12145550123;verstat=TN-Validation-Failed;cpc=prison>\r\n",
		 "", "TN-Validation-Failed", "prison", ""},
		{"sip:+15125550100;rn=@b", "<sip:+12145550123;verstat;cpc=a%20b@a>", "", "", "", "a b", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		su_home_t home[1] = {SU_HOME_INIT(home)};
		struct sip_carrier c;
		msg_t *m = message(cases[i].uri, cases[i].from, cases[i].headers);
		su_home_init(home);
		sip_carrier_read(home, sip_object(m), &c);
		assert_string_equal(c.rn, cases[i].rn);
		assert_string_equal(c.verstat, cases[i].verstat);
		assert_string_equal(c.cpc, cases[i].cpc);
		assert_string_equal(c.oli, cases[i].oli);
		su_home_deinit(home);
		msg_destroy(m);
	}
}

static void test_attestation_is_what_the_carrier_says_of_a_number_that_passed(void **state)
{
	static const struct {
		const char *verstat, *headers, *attestation;
	} cases[] = {
		{"", "", ""},
		{";verstat=TN-Validation-Passed", "", ""},
		{";verstat=TN-Validation-Passed-A", "", "A"},
		{";verstat=tn-validation-passed-b", "", "B"},
		{";verstat=TN-Validation-Passed-D", "", ""},
		{";verstat=TN-Validation-Failed-C", "", ""},
		{"", "P-Attestation-Indicator: C\r\n", "C"},
		{"", "p-attestation-indicator: b \r\n", "B"},
		{"", "P-Attestation-Indicator: AB\r\n", ""},
		{";verstat=TN-Validation-Passed", "P-Attestation-Indicator: A\r\n", "A"},
		{";verstat=TN-Validation-Failed", "P-Attestation-Indicator: A\r\n", ""},
		{"", PASSPORT(CLAIMS_A), "A"},
		{"", PASSPORT(CLAIMS_NOTHING) PASSPORT(CLAIMS_B), "B"},
		{";verstat=TN-Validation-Failed", PASSPORT(CLAIMS_A), ""},
		{"", "Identity: ..c2ln;info=<https://c.example/c>\r\n", ""},
		{"", "Identity: a.!!!.b\r\nIdentity: " CLAIMS_A "\r\n", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		su_home_t home[1] = {SU_HOME_INIT(home)};
		struct sip_carrier c;
		su_home_init(home);
		const char *from = su_sprintf(home, "<sip:+12145550123%s@a>", cases[i].verstat);
		msg_t *m = message("sip:+15125550100@b", from, cases[i].headers);
		sip_carrier_read(home, sip_object(m), &c);
		assert_string_equal(c.attestation, cases[i].attestation);
		su_home_deinit(home);
		msg_destroy(m);
	}
}

static void test_identity_headers_are_kept_as_they_came(void **state)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct sip_carrier c;
	msg_t *m = message("sip:+15125550100@b", "<sip:+12145550123@a>",
		PASSPORT(CLAIMS_A) "X-Other: 1\r\n" PASSPORT(CLAIMS_B));
	(void)state;
	su_home_init(home);
	sip_carrier_read(home, sip_object(m), &c);
	assert_string_equal(c.identity, PASSPORT(CLAIMS_A) PASSPORT(CLAIMS_B));
	su_home_deinit(home);
	msg_destroy(m);
}

static void test_the_remote_party_is_the_one_that_calls(void **state)
{
	static const struct {
		const char *headers, *user;
		bool withheld;
	} cases[] = {
		{"", "", false},
		{"Remote-Party-ID: \"A\" <sip:+12145550123@a>;party=calling;screen=yes;privacy=off\r\n",
		 "+12145550123", false},
		{"Remote-Party-ID: <sip:+12145550123@a>\r\n", "+12145550123", false},
		{"Remote-Party-ID: <sip:+15125550100@a>;party=called\r\n"
		 "Remote-Party-ID: <sip:+12145550123@a>;party=calling;privacy=full\r\n",
		 "+12145550123", true},
		{"Remote-Party-ID: <sip:+12145550123;cpc=ordinary@a>;privacy=\"uri\"\r\n", "+12145550123",
		 true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		su_home_t home[1] = {SU_HOME_INIT(home)};
		bool withheld;
		msg_t *m = message("sip:+15125550100@b", "<sip:a@a>", cases[i].headers);
		su_home_init(home);
		assert_string_equal(sip_remote_party(home, sip_object(m), &withheld), cases[i].user);
		assert_int_equal(withheld, cases[i].withheld);
		su_home_deinit(home);
		msg_destroy(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters_are_read_wherever_they_are),
		cmocka_unit_test(test_attestation_is_what_the_carrier_says_of_a_number_that_passed),
		cmocka_unit_test(test_identity_headers_are_kept_as_they_came),
		cmocka_unit_test(test_the_remote_party_is_the_one_that_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
