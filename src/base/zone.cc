#include "base/zone.h"
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unicode/strenum.h>
#include <unicode/timezone.h>

struct zone {
	std::string name;
	std::unique_ptr<icu::TimeZone> rules;
};

extern "C" const struct zone *zone_find(const char *name)
{
	static std::shared_mutex lock;
	static std::map<std::string, std::unique_ptr<zone>, std::less<>> known;
	if (!name || !*name)
		return nullptr;
	{
		std::shared_lock<std::shared_mutex> reading(lock);
		auto found = known.find(std::string_view(name));
		if (found != known.end())
			return found->second.get();
	}
	UErrorCode status = U_ZERO_ERROR;
	UBool is_system = false;
	icu::UnicodeString id = icu::UnicodeString::fromUTF8(name), canonical;
	icu::TimeZone::getCanonicalID(id, canonical, is_system, status);
	if (U_FAILURE(status) || !is_system)
		return nullptr;
	auto made = std::make_unique<zone>(zone{name, std::unique_ptr<icu::TimeZone>(icu::TimeZone::createTimeZone(id))});
	if (!made->rules)
		return nullptr;
	std::unique_lock<std::shared_mutex> writing(lock);
	return known.emplace(name, std::move(made)).first->second.get();
}

extern "C" const char *zone_name(const struct zone *zone)
{
	return zone ? zone->name.c_str() : "UTC";
}

extern "C" int32_t zone_offset_seconds(const struct zone *zone, int64_t ms)
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t raw = 0, saving = 0;
	if (zone)
		zone->rules->getOffset(static_cast<UDate>(ms), false, raw, saving, status);
	return U_FAILURE(status) ? 0 : (raw + saving) / 1000;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

extern "C" int zone_week_minute(const struct zone *zone, int64_t ms)
{
	const int64_t week = 7 * 1440;
	int64_t minutes = floor_divide(floor_divide(ms, 1000) + zone_offset_seconds(zone, ms), 60) + 3 * 1440; /* 1970-01-01 was a Thursday */
	return static_cast<int>(minutes - floor_divide(minutes, week) * week);
}

/* The same in January and in July of 2026. */
static bool same_time(const char *a, const char *b)
{
	const struct zone *za = zone_find(a), *zb = zone_find(b);
	const int64_t january = 1768478400000, july = 1784116800000;
	return za && zb && zone_offset_seconds(za, january) == zone_offset_seconds(zb, january) && zone_offset_seconds(za, july) == zone_offset_seconds(zb, july);
}

static std::string look_up(const char *country)
{
	UErrorCode status = U_ZERO_ERROR;
	std::unique_ptr<icu::StringEnumeration> ids(icu::TimeZone::createTimeZoneIDEnumeration(UCAL_ZONE_TYPE_CANONICAL_LOCATION, country, nullptr, status));
	if (U_FAILURE(status) || !ids)
		return "";
	std::string first;
	for (const char *id; U_SUCCESS(status) && (id = ids->next(nullptr, status));) {
		if (first.empty())
			first = id;
		else if (!same_time(first.c_str(), id))
			return "";
	}
	return first;
}

extern "C" const char *zone_of_country(const char *country)
{
	static std::mutex lock;
	static std::map<std::string, std::string> known; /* as many as there are countries */
	if (!country || std::char_traits<char>::length(country) != 2)
		return "";
	std::lock_guard<std::mutex> held(lock);
	auto found = known.find(country);
	if (found == known.end())
		found = known.emplace(country, look_up(country)).first;
	return found->second.c_str();
}
