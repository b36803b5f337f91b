#include "base/phone.h"
#include <cstdlib>
#include <cstring>
#include <phonenumbers/geocoding/phonenumber_offline_geocoder.h>
#include <phonenumbers/phonenumberutil.h>
#include <string>
#include <unicode/locid.h>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberOfflineGeocoder;
using i18n::phonenumbers::PhoneNumberUtil;

static void copy(char *out, size_t size, const std::string &text)
{
	size_t n = text.size() < size - 1 ? text.size() : size - 1;
	memcpy(out, text.data(), n);
	out[n] = '\0';
}

extern "C" bool phone_normalize(const char *text, const char *region, char out[PHONE_SIZE])
{
	/* The common case costs no parse: E.164 of a plausible length already. */
	size_t digits = text[0] == '+' ? strspn(text + 1, "0123456789") : 0;
	if (digits >= 8 && digits <= 15 && !text[digits + 1] && text[1] != '0') {
		memcpy(out, text, digits + 2);
		return true;
	}
	if (strlen(text) > 64)
		return false;
	const PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
	PhoneNumber number;
	std::string formatted;
	if (util->Parse(text, region, &number) != PhoneNumberUtil::NO_PARSING_ERROR || !util->IsPossibleNumber(number))
		return false;
	util->Format(number, PhoneNumberUtil::E164, &formatted);
	if (formatted.size() >= PHONE_SIZE)
		return false;
	copy(out, PHONE_SIZE, formatted);
	return true;
}

static const struct {
	const char *name, *code;
} states[] = {
	{"Alabama", "AL"}, {"Alaska", "AK"}, {"Arizona", "AZ"}, {"Arkansas", "AR"}, {"California", "CA"}, {"Colorado", "CO"},
	{"Connecticut", "CT"}, {"Delaware", "DE"}, {"Florida", "FL"}, {"Georgia", "GA"}, {"Hawaii", "HI"}, {"Idaho", "ID"},
	{"Illinois", "IL"}, {"Indiana", "IN"}, {"Iowa", "IA"}, {"Kansas", "KS"}, {"Kentucky", "KY"}, {"Louisiana", "LA"},
	{"Maine", "ME"}, {"Maryland", "MD"}, {"Massachusetts", "MA"}, {"Michigan", "MI"}, {"Minnesota", "MN"}, {"Mississippi", "MS"},
	{"Missouri", "MO"}, {"Montana", "MT"}, {"Nebraska", "NE"}, {"Nevada", "NV"}, {"New Hampshire", "NH"}, {"New Jersey", "NJ"},
	{"New Mexico", "NM"}, {"New York", "NY"}, {"North Carolina", "NC"}, {"North Dakota", "ND"}, {"Ohio", "OH"}, {"Oklahoma", "OK"},
	{"Oregon", "OR"}, {"Pennsylvania", "PA"}, {"Rhode Island", "RI"}, {"South Carolina", "SC"}, {"South Dakota", "SD"},
	{"Tennessee", "TN"}, {"Texas", "TX"}, {"Utah", "UT"}, {"Vermont", "VT"}, {"Virginia", "VA"}, {"Washington State", "WA"},
	{"Washington D.C.", "DC"}, {"West Virginia", "WV"}, {"Wisconsin", "WI"}, {"Wyoming", "WY"}, {"Puerto Rico", "PR"},
	{"Alberta", "AB"}, {"British Columbia", "BC"}, {"Manitoba", "MB"}, {"New Brunswick", "NB"}, {"Newfoundland and Labrador", "NL"},
	{"Nova Scotia", "NS"}, {"Ontario", "ON"}, {"Prince Edward Island", "PE"}, {"Quebec", "QC"}, {"Saskatchewan", "SK"},
};

/* "San Francisco, CA" or "Texas" */
static void find_state(const std::string &location, char *out, size_t size)
{
	size_t n = location.size();
	if (n > 4 && location[n - 4] == ',' && location[n - 3] == ' ') {
		copy(out, size, location.substr(n - 2));
		return;
	}
	for (const auto &s : states)
		if (location == s.name)
			copy(out, size, s.code);
}

static void look_up(const char *e164, struct phone_info *out)
{
	static const PhoneNumberOfflineGeocoder geocoder;
	*out = {};
	const PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
	PhoneNumber number;
	std::string region, national;
	if (util->Parse(e164, "ZZ", &number) != PhoneNumberUtil::NO_PARSING_ERROR)
		return;
	util->GetRegionCodeForNumber(number, &region);
	if (region.size() == 2)
		copy(out->country, sizeof out->country, region);
	int area = util->GetLengthOfGeographicalAreaCode(number);
	util->GetNationalSignificantNumber(number, &national);
	if (area > 0 && area < 8)
		copy(out->area_code, sizeof out->area_code, national.substr(0, static_cast<size_t>(area)));
	/* A number with an area code is geographical: its type need not be looked up again. */
	static const icu::Locale english("en");
	std::string location = area > 0 ? geocoder.GetDescriptionForValidNumber(number, english) : geocoder.GetDescriptionForNumber(number, english);
	copy(out->location, sizeof out->location, location);
	if (region == "US" || region == "CA" || region == "PR")
		find_state(location, out->state, sizeof out->state);
}

/*
 * In the North American plan (+1, ten digits) the area code and the exchange, the first six
 * digits, decide all that a lookup tells; a thread keeps what it learned of the last ones.
 */
extern "C" void phone_lookup(const char *e164, struct phone_info *out)
{
	struct known {
		char prefix[8]; /* "1415555" */
		struct phone_info info;
	};
	static thread_local struct known cache[512];
	if (strncmp(e164, "+1", 2) != 0 || strspn(e164 + 1, "0123456789") != 11 || e164[12]) {
		look_up(e164, out);
		return;
	}
	unsigned long exchange = strtoul(std::string(e164 + 2, 6).c_str(), nullptr, 10);
	struct known *k = &cache[exchange % (sizeof cache / sizeof *cache)];
	if (strncmp(k->prefix, e164 + 1, 7) != 0) {
		look_up(e164, &k->info);
		memcpy(k->prefix, e164 + 1, 7);
	}
	*out = k->info;
}
