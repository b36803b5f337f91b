#include "base/phone.h"
#include <cstring>
#include <memory>
#include <phonenumbers/phonenumberutil.h>
#include <string>
#include <strings.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <vector>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace
{

const size_t text_max = 250; /* libphonenumber's own bound */

bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/*
 * An exact number of the North American plan needs no parser: +1, an area code NXX whose second
 * digit is not 9 (those are reserved), an exchange NXX, four digits.
 */
bool is_north_american(const char *text)
{
	size_t digits = 0;
	while (text[0] == '+' && is_digit(text[1 + digits]))
		digits++;
	if (digits != 11 || text[1] != '1' || text[12])
		return false;
	return text[2] >= '2' && text[3] <= '8' && text[5] >= '2';
}

/* One character as libphonenumber understands it; nothing for what cannot be seen. */
void add_plain(std::string &out, UChar32 c)
{
	char utf8[4];
	int32_t n = 0, digit = u_charDigitValue(c);
	uint32_t is = U_GET_GC_MASK(c);
	if (digit >= 0 && digit <= 9) {
		out += static_cast<char>('0' + digit);
	} else if (c == '\t' || c == '\n' || c == '\r' || (is & U_GC_Z_MASK)) {
		out += ' ';
	} else if ((is & U_GC_PD_MASK) || c == 0x2212) {
		out += '-';
	} else if (c == 0xff0b || c == 0xfe62 || c == 0x207a) {
		out += '+';
	} else if (c == '_' || c == 0xb7 || c == 0x2022 || c == 0x2027 || c == 0x2219 ||
		c == 0x22c5) {
		out += '.';
	} else if (!(is & (U_GC_CC_MASK | U_GC_CF_MASK))) {
		U8_APPEND_UNSAFE(utf8, n, c);
		out.append(utf8, static_cast<size_t>(n));
	}
}

std::string plain_text(const char *text)
{
	std::string out;
	auto length = static_cast<int32_t>(strlen(text));
	for (int32_t i = 0; i < length;) {
		UChar32 c;
		U8_NEXT(text, i, length, c);
		if (c >= 0)
			add_plain(out, c);
	}
	return out;
}

void cut_at(std::string &text, char c)
{
	size_t at = text.find(c);
	if (at != std::string::npos)
		text.resize(at);
}

/* The percent-encoded characters of a URI (RFC 3986 section 2.1). */
void decode(std::string &text)
{
	for (size_t at = 0; (at = text.find('%', at)) != std::string::npos; at++) {
		unsigned code;
		bool hex = at + 2 < text.size() && isxdigit(static_cast<unsigned char>(text[at + 1])) &&
			   isxdigit(static_cast<unsigned char>(text[at + 2]));
		if (hex && sscanf(text.c_str() + at + 1, "%2x", &code) == 1 && code)
			text.replace(at, 3, 1, static_cast<char>(code));
	}
}

bool begins(const std::string &text, size_t at, const char *with)
{
	return strncasecmp(text.c_str() + at, with, strlen(with)) == 0;
}

/*
 * Cut the parameters of a telephone number (RFC 3966 section 5.1: npdi, rn, cpc, verstat, ...)
 * which do not belong to it: all but the extension, and the context of a local number.
 */
void cut_parameters(std::string &text, bool global)
{
	static const char signs[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	for (size_t at = 0; (at = text.find(';', at)) != std::string::npos;) {
		size_t end = text.find(';', at + 1), name = text.find_first_not_of(signs, at + 1);
		end = end == std::string::npos ? text.size() : end;
		name = name == std::string::npos ? text.size() : name;
		bool is_parameter = name > at + 1 && (name == end || text[name] == '=');
		bool stays = begins(text, at, ";ext=") || begins(text, at, ";isub=") ||
			     (!global && begins(text, at, ";phone-context="));
		if (is_parameter && !stays)
			text.erase(at, end - at);
		else
			at = end;
	}
}

/* The user of a SIP URI; a tel URI without the parameters that its number does not need. */
void unwrap_uri(std::string &text)
{
	static const char *const sip[] = {"sip:", "sips:"};
	for (const char *scheme : sip) {
		if (strncasecmp(text.c_str(), scheme, strlen(scheme)) == 0) {
			text.erase(0, strlen(scheme));
			cut_at(text, '@');
		}
	}
	decode(text);
	if (begins(text, 0, "tel:"))
		cut_at(text, '?');
	cut_parameters(text, begins(text, 0, "tel:+") || text[0] == '+');
}

/* "5125550142.0" is a number that went through a spreadsheet. */
void cut_decimals(std::string &text)
{
	size_t digits = text.find_first_not_of("+0123456789");
	bool ends = digits != std::string::npos && text[digits] == '.' && digits + 1 < text.size();
	if (ends && text.find_first_not_of('0', digits + 1) == std::string::npos)
		text.resize(digits);
}

void trim(std::string &text)
{
	size_t from = text.find_first_not_of(' '), to = text.find_last_not_of(' ');
	text = from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

/* ---- what libphonenumber makes of it ---- */

struct reading {
	std::shared_ptr<PhoneNumber> number;
	PhoneNumberUtil::ErrorType error;
	PhoneNumberUtil::ValidationResult length; /* when there is no error */
	bool north_american; /* not: +1, and an area code or exchange that cannot be */
};

const PhoneNumberUtil &util()
{
	return *PhoneNumberUtil::GetInstance();
}

reading read(const std::string &text, const std::string &region)
{
	reading r = {};
	r.number = std::make_shared<PhoneNumber>();
	r.north_american = true;
	r.error = util().Parse(text, region, r.number.get());
	if (r.error != PhoneNumberUtil::NO_PARSING_ERROR)
		return r;
	r.length = util().IsPossibleNumberWithReason(*r.number);
	uint64_t n = r.number->national_number();
	if (r.number->country_code() == 1 && r.length == PhoneNumberUtil::IS_POSSIBLE)
		r.north_american = n / 1000000000 >= 2 && n / 1000000 % 10 >= 2;
	return r;
}

bool is_possible(const reading &r)
{
	return r.error == PhoneNumberUtil::NO_PARSING_ERROR &&
		r.length == PhoneNumberUtil::IS_POSSIBLE && r.north_american;
}

bool is_valid(const reading &r)
{
	return is_possible(r) && util().IsValidNumber(*r.number);
}

/* "+44+447911123456", "+44 447911123456": the country code twice, or a prefix after it. */
void add_repeated(const std::string &text, const reading &r, std::vector<std::string> &out)
{
	size_t plus = text.rfind('+');
	if (plus != std::string::npos && plus > 0)
		out.push_back(text.substr(plus));
	if (r.error != PhoneNumberUtil::NO_PARSING_ERROR || is_possible(r))
		return;
	std::string national, code = std::to_string(r.number->country_code());
	util().GetNationalSignificantNumber(*r.number, &national);
	national.erase(0, national.find_first_not_of('0'));
	if (national.compare(0, code.size(), code) == 0)
		out.push_back("+" + national);
}

/*
 * What the text may mean when it is no valid number of its region as it stands: an international
 * prefix that the region does not have (00, 011), no prefix at all, or a country code twice.
 */
std::vector<std::string> repairs(const std::string &text, const reading &plain)
{
	std::vector<std::string> out;
	size_t from = text.find_first_of("+0123456789");
	if (from == std::string::npos)
		return out;
	bool plus = text[from] == '+';
	std::string rest = text.substr(from + plus);
	if (rest.compare(0, 2, "00") == 0)
		out.push_back("+" + rest.substr(2));
	if (rest.compare(0, 3, "011") == 0)
		out.push_back("+" + rest.substr(3));
	if (!plus && !is_possible(plain))
		out.push_back("+" + rest);
	add_repeated(text, plain, out);
	return out;
}

/* A vanity number may have more letters than are dialled, and a word may follow a number. */
bool cut_letters(const std::string &text, reading &r)
{
	size_t last = text.find_last_not_of(" )].");
	bool long_by_letters = r.error == PhoneNumberUtil::NO_PARSING_ERROR &&
		r.length == PhoneNumberUtil::TOO_LONG && last != std::string::npos &&
		is_letter(text[last]);
	if (!long_by_letters || !util().TruncateTooLongNumber(r.number.get()))
		return false;
	r.length = PhoneNumberUtil::IS_POSSIBLE;
	return true;
}

bool find(const std::string &text, bool led_by_blank, const char *region, reading &found)
{
	if (led_by_blank) { /* a + that was not percent-encoded */
		found = read("+" + text, "ZZ");
		if (is_valid(found))
			return true;
	}
	const reading plain = read(text, region);
	std::vector<std::string> others = repairs(text, plain);
	found = plain;
	if (is_possible(plain) && (others.empty() || util().IsValidNumber(*plain.number)))
		return true;
	for (const std::string &other : others) {
		found = read(other, "ZZ");
		if (is_valid(found))
			return true;
	}
	found = plain;
	return is_possible(plain) || cut_letters(text, found);
}

void explain(const reading &r, struct error *err)
{
	int code = r.number->country_code();
	const char *what = "is not a phone number";
	if (r.error == PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR)
		error_set(err, "%s: its country code does not exist", what);
	else if (r.error != PhoneNumberUtil::NO_PARSING_ERROR)
		error_set(err, "%s", what);
	else if (!r.north_american)
		error_set(err, "%s: area codes and exchanges of country code 1 begin with 2 to 9",
			what);
	else if (r.length == PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY)
		error_set(err, "%s: it has no area code", what);
	else if (r.length == PhoneNumberUtil::TOO_SHORT)
		error_set(err, "%s: it has too few digits for country code %d", what, code);
	else if (r.length == PhoneNumberUtil::TOO_LONG)
		error_set(err, "%s: it has too many digits for country code %d", what, code);
	else
		error_set(err, "%s: country code %d has no numbers of that length", what, code);
}

bool read_any(const char *text, const char *region, char out[PHONE_SIZE], struct error *err)
{
	reading found = {};
	std::string e164, plain = plain_text(text);
	bool led_by_blank = plain.size() > 1 && plain[0] == ' ' && is_digit(plain[1]);
	trim(plain);
	unwrap_uri(plain);
	cut_decimals(plain);
	if (!find(plain, led_by_blank, region, found)) {
		explain(found, err);
		return false;
	}
	util().Format(*found.number, PhoneNumberUtil::E164, &e164);
	if (e164.size() >= PHONE_SIZE)
		return error_set(err, "is not a phone number");
	memcpy(out, e164.c_str(), e164.size() + 1);
	return true;
}

} // namespace

extern "C" bool phone_read(
	const char *text, const char *region, char out[PHONE_SIZE], struct error *err)
{
	if (is_north_american(text)) {
		memcpy(out, text, sizeof "+15125550100");
		return true;
	}
	if (strnlen(text, text_max + 1) > text_max)
		return error_set(err, "is too long for a phone number");
	try {
		return read_any(text, region, out, err);
	} catch (...) { /* no exception leaves C++ */
		return error_set(err, "out of memory");
	}
}

extern "C" bool phone_normalize(const char *text, const char *region, char out[PHONE_SIZE])
{
	return phone_read(text, region, out, nullptr);
}
