#include "base/zone.h"
#include <atomic>
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
	/* What was asked last: a quarter of an hour since the epoch, and the offset then. Since 1990 no clock was set within one. */
	mutable std::atomic<int64_t> last{0};
};

static const int64_t quarter_ms = 900000, first_quarter = 631152000000 / quarter_ms, last_quarter = 4102444800000 / quarter_ms; /* 1990 to 2099 */
static const int offset_bits = 18, offset_zero = 1 << (offset_bits - 1);

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
	auto made = std::make_unique<zone>();
	made->name = name;
	made->rules.reset(icu::TimeZone::createTimeZone(id));
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
	if (!zone)
		return 0;
	int64_t quarter = ms / quarter_ms, last = zone->last.load(std::memory_order_relaxed);
	if (ms > 0 && last >> offset_bits == quarter)
		return static_cast<int32_t>(last & ((1 << offset_bits) - 1)) - offset_zero;
	zone->rules->getOffset(static_cast<UDate>(ms), false, raw, saving, status);
	int32_t offset = U_FAILURE(status) ? 0 : (raw + saving) / 1000;
	if (quarter >= first_quarter && quarter < last_quarter)
		zone->last.store(quarter << offset_bits | (offset + offset_zero), std::memory_order_relaxed);
	return offset;
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
