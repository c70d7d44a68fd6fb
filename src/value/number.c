/*-------------------------------------------------------------------------
 *
 * number.c
 *	  Whether a decimal number survives being a Convex number, a double.
 *
 * A text is exact when JavaScript, which prints the shortest text that reads
 * back as the same double and of those the closest (ECMAScript,
 * Number::toString), prints the same number. Needs nothing of the server, so
 * that a fuzzer can drive it.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <float.h>
#include <math.h>

/* Decimals of so many digits always come back from a double in its normal
 * range; no text with more than CM_MAX_DIGITS is ever the shortest. */
#define CM_SAFE_DIGITS		DBL_DIG
#define CM_MAX_DIGITS		17

/* Decimal exponents within which doubles have their full precision. */
#define CM_SAFE_EXPONENT	290

/* What an exponent is cut to: far beyond any double. */
#define CM_MAX_EXPONENT		100000000

/* 0.digits times ten to the exponent; no digits: zero. */
typedef struct CmDecimal
{
	char		digits[CM_MAX_DIGITS + 1];
	int			ndigits;		/* CM_MAX_DIGITS + 1: more */
	int64		exponent;
} CmDecimal;

/* The number behind an "e", cut to a size that cannot overflow. */
static int64
read_exponent(const char *p, const char *end)
{
	bool		negative = p < end && *p == '-';
	int64		exponent = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		exponent = Min(exponent * 10 + (*p - '0'), CM_MAX_EXPONENT);
	return negative ? -exponent : exponent;
}

/*
 * Read a decimal text, its sign aside: digits without zeros on either side,
 * and where the point is.
 */
static void
read_decimal(const char *text, int length, CmDecimal *decimal)
{
	const char *end = text + length;
	bool		after_point = false;
	int			zeros = 0;		/* since the last digit that is not 0 */

	decimal->ndigits = 0;
	decimal->exponent = 0;
	for (const char *p = text; p < end; p++)
	{
		if (*p == 'e' || *p == 'E')
		{
			decimal->exponent += read_exponent(p + 1, end);
			break;
		}
		if (*p == '.')
			after_point = true;
		if (*p < '0' || *p > '9')
			continue;
		if (decimal->ndigits == 0 && *p == '0')
		{
			/* leading: no digit, but behind the point it moves the rest */
			decimal->exponent -= after_point;
			continue;
		}
		decimal->exponent += !after_point;
		if (*p == '0')
		{
			zeros++;
			continue;
		}
		if (decimal->ndigits + zeros >= CM_MAX_DIGITS)
		{
			decimal->ndigits = CM_MAX_DIGITS + 1;
			zeros = 0;
			continue;
		}
		for (; zeros > 0; zeros--)
			decimal->digits[decimal->ndigits++] = '0';
		decimal->digits[decimal->ndigits++] = *p;
	}
}

/* Whether the value, printed with so many digits, is the decimal. */
static bool
prints_as(double value, int ndigits, const CmDecimal *decimal)
{
	char		text[32];
	CmDecimal	printed;

	read_decimal(text, snprintf(text, sizeof(text), "%.*e", ndigits - 1, value),
				 &printed);
	return printed.ndigits == decimal->ndigits &&
		printed.exponent == decimal->exponent &&
		memcmp(printed.digits, decimal->digits, decimal->ndigits) == 0;
}

/* Whether the text of so many digits that is closest is read as the value. */
static bool
closest_survives(double value, int ndigits)
{
	char		text[32];

	snprintf(text, sizeof(text), "%.*e", ndigits - 1, value);
	return strtod(text, NULL) == value;
}

/*
 * Whether the next text of so many digits above that is read as the value.
 * Above a power of two there is twice as much room as below it, so this can be
 * when the closest text is not.
 */
static bool
next_survives(double value, int ndigits)
{
	char		text[32];
	char	   *p = text;
	int64		digits = 0;

	snprintf(text, sizeof(text), "%.*e", ndigits - 1, value);
	for (; *p != 'e'; p++)
	{
		if (*p != '.')
			digits = digits * 10 + (*p - '0');
	}
	snprintf(text, sizeof(text), INT64_FORMAT "e%d", digits + 1,
			 atoi(p + 1) - (ndigits - 1));
	return strtod(text, NULL) == value;
}

/*
 * Whether a finite decimal text, as numeric or JSON have it, is the same
 * number after it was a double. The text must be followed by something that
 * is not part of a number, such as its NUL.
 */
bool
cm_number_is_exact(const char *text, int length)
{
	CmDecimal	decimal;
	double		value;

	read_decimal(text, length, &decimal);
	if (decimal.ndigits == 0)
		return true;
	if (decimal.ndigits > CM_MAX_DIGITS)
		return false;
	if (decimal.ndigits <= CM_SAFE_DIGITS &&
		decimal.exponent < CM_SAFE_EXPONENT &&
		decimal.exponent > -CM_SAFE_EXPONENT)
		return true;
	value = fabs(strtod(text, NULL));
	if (isinf(value) || value == 0)
		return false;
	/* a shorter text, or as short and closer */
	if (decimal.ndigits > 1 &&
		(closest_survives(value, decimal.ndigits - 1) ||
		 next_survives(value, decimal.ndigits - 1)))
		return false;
	return prints_as(value, decimal.ndigits, &decimal) ||
		!closest_survives(value, decimal.ndigits);
}
