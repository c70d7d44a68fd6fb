/*-------------------------------------------------------------------------
 *
 * decimal.c
 *	  What JavaScript prints for a double, found by trying.
 *
 * ECMAScript, Number::toString: as few digits as any text that reads back as
 * the double has, and of those with so many the closest to it. Slow and plain:
 * it starts from all the digits that the double has. Without the server's
 * headers, whose printf does not print so many.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* No double has more digits than this, and none needs more than the other. */
#define ALL_DIGITS 780
#define MOST_DIGITS 17

/* An exponent beyond any double. */
#define FAR 1000000

/* 0.digits times ten to the exponent, without zeros on either side. */
typedef struct Decimal
{
	char		digits[8192];
	long		exponent;
} Decimal;

static void
trim(Decimal *decimal)
{
	size_t		zeros = strspn(decimal->digits, "0");
	size_t		length = strlen(decimal->digits) - zeros;

	memmove(decimal->digits, decimal->digits + zeros, length + 1);
	decimal->exponent -= (long) zeros;
	while (length > 0 && decimal->digits[length - 1] == '0')
		decimal->digits[--length] = '\0';
	if (length == 0)
		decimal->exponent = 0;
}

/* False: it has more digits than there is room for. */
static bool
parse(const char *text, Decimal *decimal)
{
	size_t		mantissa = strcspn(text, "eE");
	const char *point = memchr(text, '.', mantissa);
	size_t		length = 0;
	long		exponent = text[mantissa] == '\0' ? 0 : strtol(text + mantissa + 1, NULL, 10);

	decimal->exponent = exponent > FAR ? FAR : exponent < -FAR ? -FAR : exponent;
	for (const char *p = text; p < text + mantissa; p++)
	{
		if (!isdigit((unsigned char) *p))
			continue;
		if (length + 1 >= sizeof(decimal->digits))
			return false;
		decimal->digits[length++] = *p;
		decimal->exponent += point == NULL || p < point;
	}
	decimal->digits[length] = '\0';
	trim(decimal);
	return true;
}

static bool
equal(const Decimal *a, const Decimal *b)
{
	return strcmp(a->digits, b->digits) == 0 &&
		(a->digits[0] == '\0' || a->exponent == b->exponent);
}

static bool
reads_as(const Decimal *decimal, double value)
{
	char		text[MOST_DIGITS + 64];

	snprintf(text, sizeof(text), "0.%se%ld", decimal->digits, decimal->exponent);
	return strtod(text, NULL) == value;
}

/* The first digits of the decimal, as a number not above it. */
static Decimal
cut(const Decimal *all, size_t ndigits)
{
	Decimal		result = {.exponent = all->exponent};

	strncpy(result.digits, all->digits, ndigits);
	return result;
}

/* The next number with so many digits. */
static Decimal
next(const Decimal *below, size_t ndigits)
{
	Decimal		result = *below;
	size_t		length = strlen(result.digits);

	memset(result.digits + length, '0', ndigits - length);
	for (size_t i = ndigits; i-- > 0;)
	{
		if (result.digits[i] != '9')
		{
			result.digits[i]++;
			return result;
		}
		result.digits[i] = '0';
	}
	result.exponent++;
	strcpy(result.digits, "1");
	return result;
}

/* Whether the number is closer to the one above its first digits; a tie goes
 * to the even one. */
static bool
is_closer_above(const Decimal *all, size_t ndigits)
{
	const char *rest = all->digits + ndigits;
	bool		is_tie = strcmp(rest, "5") == 0;

	if (strlen(all->digits) <= ndigits)
		return false;
	return is_tie ? (all->digits[ndigits - 1] - '0') % 2 == 1 : rest[0] >= '5';
}

/* Whether JavaScript prints the same number for the decimal text. */
bool
javascript_prints(const char *text)
{
	static Decimal wanted;
	static Decimal all;
	char		printed[ALL_DIGITS + 32];
	double		value = fabs(strtod(text, NULL));

	if (!parse(text, &wanted) || isinf(value))
		return false;
	if (value == 0)
		return wanted.digits[0] == '\0';
	snprintf(printed, sizeof(printed), "%.*e", ALL_DIGITS, value);
	parse(printed, &all);
	for (size_t ndigits = 1; ndigits <= MOST_DIGITS; ndigits++)
	{
		Decimal		below = cut(&all, ndigits);
		Decimal		above = next(&below, ndigits);
		bool		below_reads = reads_as(&below, value);
		bool		above_reads = reads_as(&above, value);
		bool		take_above = above_reads &&
			(!below_reads || is_closer_above(&all, ndigits));

		if (!below_reads && !above_reads)
			continue;
		trim(&below);
		trim(&above);
		return equal(take_above ? &above : &below, &wanted);
	}
	abort();
}
