#include "base/phone.h"
#include "base/zone.h"
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

extern "C" void phone_national(const char *e164, char *out, size_t size)
{
	const PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
	PhoneNumber number;
	std::string formatted;
	if (util->Parse(e164, "ZZ", &number) == PhoneNumberUtil::NO_PARSING_ERROR)
		util->Format(number, PhoneNumberUtil::NATIONAL, &formatted);
	copy(out, size, formatted);
}

/* A state that keeps two times has the one of most of its people here; the area codes below have the other. */
static const struct {
	const char *name, *code, *time_zone;
} states[] = {
	{"Alabama", "AL", "America/Chicago"}, {"Alaska", "AK", "America/Anchorage"}, {"Arizona", "AZ", "America/Phoenix"}, {"Arkansas", "AR", "America/Chicago"},
	{"California", "CA", "America/Los_Angeles"}, {"Colorado", "CO", "America/Denver"}, {"Connecticut", "CT", "America/New_York"},
	{"Delaware", "DE", "America/New_York"}, {"Florida", "FL", "America/New_York"}, {"Georgia", "GA", "America/New_York"}, {"Hawaii", "HI", "Pacific/Honolulu"},
	{"Idaho", "ID", "America/Boise"}, {"Illinois", "IL", "America/Chicago"}, {"Indiana", "IN", "America/Indiana/Indianapolis"}, {"Iowa", "IA", "America/Chicago"},
	{"Kansas", "KS", "America/Chicago"}, {"Kentucky", "KY", "America/New_York"}, {"Louisiana", "LA", "America/Chicago"}, {"Maine", "ME", "America/New_York"},
	{"Maryland", "MD", "America/New_York"}, {"Massachusetts", "MA", "America/New_York"}, {"Michigan", "MI", "America/Detroit"}, {"Minnesota", "MN", "America/Chicago"},
	{"Mississippi", "MS", "America/Chicago"}, {"Missouri", "MO", "America/Chicago"}, {"Montana", "MT", "America/Denver"}, {"Nebraska", "NE", "America/Chicago"},
	{"Nevada", "NV", "America/Los_Angeles"}, {"New Hampshire", "NH", "America/New_York"}, {"New Jersey", "NJ", "America/New_York"},
	{"New Mexico", "NM", "America/Denver"}, {"New York", "NY", "America/New_York"}, {"North Carolina", "NC", "America/New_York"},
	{"North Dakota", "ND", "America/Chicago"}, {"Ohio", "OH", "America/New_York"}, {"Oklahoma", "OK", "America/Chicago"}, {"Oregon", "OR", "America/Los_Angeles"},
	{"Pennsylvania", "PA", "America/New_York"}, {"Rhode Island", "RI", "America/New_York"}, {"South Carolina", "SC", "America/New_York"},
	{"South Dakota", "SD", "America/Chicago"}, {"Tennessee", "TN", "America/Chicago"}, {"Texas", "TX", "America/Chicago"}, {"Utah", "UT", "America/Denver"},
	{"Vermont", "VT", "America/New_York"}, {"Virginia", "VA", "America/New_York"}, {"Washington State", "WA", "America/Los_Angeles"},
	{"Washington D.C.", "DC", "America/New_York"}, {"West Virginia", "WV", "America/New_York"}, {"Wisconsin", "WI", "America/Chicago"},
	{"Wyoming", "WY", "America/Denver"}, {"Puerto Rico", "PR", "America/Puerto_Rico"}, {"Alberta", "AB", "America/Edmonton"},
	{"British Columbia", "BC", "America/Vancouver"}, {"Manitoba", "MB", "America/Winnipeg"}, {"New Brunswick", "NB", "America/Moncton"},
	{"Newfoundland and Labrador", "NL", "America/St_Johns"}, {"Nova Scotia", "NS", "America/Halifax"}, {"Ontario", "ON", "America/Toronto"},
	{"Prince Edward Island", "PE", "America/Halifax"}, {"Quebec", "QC", "America/Toronto"}, {"Saskatchewan", "SK", "America/Regina"},
};

static const struct {
	const char *area_code, *time_zone;
} area_codes[] = {
	{"850", "America/Chicago"}, {"448", "America/Chicago"}, /* Florida's panhandle */
	{"423", "America/New_York"}, {"865", "America/New_York"}, /* eastern Tennessee */
	{"270", "America/Chicago"}, {"364", "America/Chicago"}, /* western Kentucky */
	{"219", "America/Chicago"}, /* Indiana at Lake Michigan */
	{"915", "America/Denver"}, /* El Paso */
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

static const char *time_zone_of(const struct phone_info &info)
{
	for (const auto &a : area_codes)
		if (info.state[0] && strcmp(info.area_code, a.area_code) == 0)
			return a.time_zone;
	for (const auto &s : states)
		if (strcmp(info.state, s.code) == 0)
			return s.time_zone;
	return zone_of_country(info.country);
}

static const char *line_type_of(PhoneNumberUtil::PhoneNumberType type)
{
	switch (type) {
	case PhoneNumberUtil::FIXED_LINE:
		return "fixed_line";
	case PhoneNumberUtil::MOBILE:
		return "mobile";
	case PhoneNumberUtil::FIXED_LINE_OR_MOBILE:
		return "fixed_line_or_mobile";
	case PhoneNumberUtil::TOLL_FREE:
		return "toll_free";
	case PhoneNumberUtil::PREMIUM_RATE:
		return "premium";
	case PhoneNumberUtil::SHARED_COST:
		return "shared_cost";
	case PhoneNumberUtil::VOIP:
		return "voip";
	case PhoneNumberUtil::PERSONAL_NUMBER:
		return "personal";
	case PhoneNumberUtil::PAGER:
		return "pager";
	case PhoneNumberUtil::UAN:
		return "company";
	case PhoneNumberUtil::VOICEMAIL:
		return "voicemail";
	default:
		return "";
	}
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
	/* A number with an area code is geographical: its type need not be looked up again, and in North America mobile phones have such, too. */
	bool either = area > 0 && number.country_code() == 1;
	copy(out->line_type, sizeof out->line_type, either ? "fixed_line_or_mobile" : line_type_of(util->GetNumberType(number)));
	static const icu::Locale english("en");
	std::string location = area > 0 ? geocoder.GetDescriptionForValidNumber(number, english) : geocoder.GetDescriptionForNumber(number, english);
	copy(out->location, sizeof out->location, location);
	if (region == "US" || region == "CA" || region == "PR")
		find_state(location, out->state, sizeof out->state);
	copy(out->time_zone, sizeof out->time_zone, time_zone_of(*out));
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

extern "C" enum phone_cost phone_cost(const char *e164)
{
	const PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
	PhoneNumber number;
	if (util->Parse(e164, "ZZ", &number) != PhoneNumberUtil::NO_PARSING_ERROR)
		return PHONE_PREMIUM;
	int code = number.country_code();
	if (code == 870 || (code >= 878 && code <= 883) || code == 979) /* satellites and international networks */
		return PHONE_PREMIUM;
	switch (util->GetNumberType(number)) {
	case PhoneNumberUtil::TOLL_FREE:
		return PHONE_FREE;
	case PhoneNumberUtil::SHARED_COST:
		return PHONE_SHARED;
	case PhoneNumberUtil::PREMIUM_RATE:
	case PhoneNumberUtil::UNKNOWN:
		return PHONE_PREMIUM;
	default:
		return PHONE_STANDARD;
	}
}

extern "C" bool phone_split(const char *e164, struct phone_parts *out)
{
	const PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
	PhoneNumber number;
	std::string national, region, trunk, international;
	*out = {};
	if (util->Parse(e164, "ZZ", &number) != PhoneNumberUtil::NO_PARSING_ERROR)
		return false;
	util->GetNationalSignificantNumber(number, &national);
	util->GetRegionCodeForCountryCode(number.country_code(), &region);
	util->GetNddPrefixForRegion(region, true, &trunk);
	util->Format(number, PhoneNumberUtil::INTERNATIONAL, &international);
	copy(out->country_code, sizeof out->country_code, std::to_string(number.country_code()));
	copy(out->national, sizeof out->national, national);
	copy(out->trunk_prefix, sizeof out->trunk_prefix, trunk);
	copy(out->international, sizeof out->international, international);
	return true;
}
